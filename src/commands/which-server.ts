// Where the running berth answers: the flag, else where it was configured to.
import { loadListen } from '../config/running-addresses.ts'
import { parseHostPort } from '../config/text-values.ts'
import type { HostPort } from '../config/types.ts'
import { BerthError } from '../lib/errors.ts'
import { lines } from '../lib/printable.ts'

export interface Whereabouts {
  /** --http or --server, as written. */
  readonly address?: string | undefined
  /** --config */
  readonly config?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Options of all commands that ask the running berth over HTTP, for parseArgs. */
export const askingOptions = {
  http: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The DNS address of the running berth. */
export async function dnsAddress({ address, config, env }: Whereabouts): Promise<HostPort> {
  if (address !== undefined) return here(readAddress('--server', address, 53))
  return here((await loadListen({ file: config, env, flags: {} }))[0]!)
}

export function readAddress(option: string, text: string, port: number): HostPort {
  const parsed = parseHostPort(text, { port, star: true })
  if ('problem' in parsed) throw new BerthError('CONFIG', lines`${option}: ${parsed.problem}`)
  return parsed.value
}

/** Where every local address is listened on, loopback is the one to ask. */
export function here({ host, port }: HostPort): HostPort {
  if (host === '::') return { host: '::1', port }
  return { host: host === '*' || host === '0.0.0.0' ? '127.0.0.1' : host, port }
}
