// Where the running berth answers DNS: by flag, else by configuration.
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

/** For parseArgs: options of every command that queries the running berth over HTTP. */
export const askingOptions = {
  http: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The same for --help. */
export const askingHelp = `  --http ADDRESS    where berth serves HTTP, or the path of its socket; default: "api.socket" or "http" of the
                    configuration, else /run/berth/api.sock or 127.0.0.1:9153
  --config FILE     the configuration berth runs with; default: BERTH_CONFIG
  --json            print the reply as JSON
  --help            print this text`

/** The DNS address of the running berth. */
export async function dnsAddress({ address, config, env }: Whereabouts): Promise<HostPort> {
  if (address !== undefined) return connectable(readAddress('--server', address, 53))
  return connectable((await loadListen({ file: config, env, flags: {} }))[0]!)
}

export function readAddress(option: string, text: string, port: number): HostPort {
  const parsed = parseHostPort(text, { port, star: true })
  if ('problem' in parsed) throw new BerthError('CONFIG', lines`${option}: ${parsed.problem}`)
  return parsed.value
}

/** An address to connect to: loopback if berth listens on every local address. */
export function connectable({ host, port }: HostPort): HostPort {
  if (host === '::') return { host: '::1', port }
  return { host: host === '*' || host === '0.0.0.0' ? '127.0.0.1' : host, port }
}
