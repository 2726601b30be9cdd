// What every command has: its surroundings, its exit codes, and how it prints.
import { BerthError } from '../lib/errors.ts'

/** What a command is given to work with; what it returns is the exit code. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by the signal that a server is to stop at; its name is the reason. */
  readonly stop: AbortSignal
}

export type Command = (args: string[], io: Io) => Promise<number>

/** Done; failed at run time; bad arguments or configuration. */
export const exit = { done: 0, failed: 1, usage: 2 } as const

/** Runs a command's body; problems become a sentence on standard error and an exit code. */
export async function guard(io: Io, body: () => Promise<number>): Promise<number> {
  try {
    return await body()
  } catch (error) {
    const badArgument = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
    if (!(error instanceof BerthError) && !badArgument) throw error
    io.stderr(`${(error as Error).message}\n`)
    return badArgument || (error as BerthError).code === 'CONFIG' ? exit.usage : exit.failed
  }
}

/** Lines with columns as wide as their widest cell, two spaces between. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length))) ?? []
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
