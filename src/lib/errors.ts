// Errors a person can act on: a stable code, a sentence, and the cause beneath it.

export type ErrorCode =
  | 'CONFIG' // the configuration or an argument is wrong; exit 2
  | 'ENGINE' // a Docker engine cannot be reached or does not speak Docker's API
  | 'LISTEN' // an address cannot be bound
  | 'HTTP' // the running server cannot be queried
  | 'WIRE' // a DNS message cannot be read

export class BerthError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BerthError'
    this.code = code
  }
}

/** "what failed: why: why that", the whole chain on one line. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message || (error as NodeJS.ErrnoException).code || error.name
  return error.cause === undefined ? message : `${message}: ${explain(error.cause)}`
}

/** The system's error code (ECONNREFUSED, ENOENT …) of an error or of what caused it. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code
  return systemCode(error.cause)
}
