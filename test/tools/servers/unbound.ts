// unbound: a validating resolver.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { type Server, serverFolder, startServer } from './process.ts'

export interface UnboundOptions {
  /** A path. Default: the system's own. */
  readonly program?: string
  /** Default: one that is free. */
  readonly port?: number
  /** "forward" sends questions with RD to a resolver, "stub" asks an authoritative server. Zone "." is everything. */
  readonly zones?: readonly {
    readonly name: string
    readonly kind: 'forward' | 'stub'
    /** On 127.0.0.1. */
    readonly port: number
  }[]
  /** DS or DNSKEY records of zones it validates. */
  readonly trust?: readonly string[]
  /** Records of zones it has itself, as in a zone file, all in or below `zone`. */
  readonly local?: readonly { readonly zone: string; readonly records: readonly string[] }[]
  /** Another address it listens on. */
  readonly address?: string
  /** More lines for its `server:` section. */
  readonly extra?: readonly string[]
}

export async function startUnbound(options: UnboundOptions): Promise<Server> {
  const { program = 'unbound', zones = [], trust = [], local = [], address, extra = [] } = options
  const folder = serverFolder('unbound')
  const port = options.port ?? (await freePort())
  const lines = [
    'server:',
    `interface: 127.0.0.1@${port}`,
    ...(address === undefined ? [] : [`interface: ${address}@${port}`]),
    'access-control: 127.0.0.0/8 allow',
    'username: ""',
    'chroot: ""',
    `directory: "${folder}"`,
    `pidfile: "${join(folder, 'unbound.pid')}"`,
    'use-syslog: no',
    'logfile: ""',
    'verbosity: 1',
    'num-threads: 1',
    'do-not-query-localhost: no',
    'do-ip6: no',
    `module-config: "${trust.length > 0 ? 'validator iterator' : 'iterator'}"`,
    // Answers are the same each time, and all of them.
    'rrset-roundrobin: no',
    'minimal-responses: no',
    ...zones.map(({ name }) => `local-zone: "${name}" transparent`),
    ...trust.map((record) => `trust-anchor: "${record.replaceAll('"', '')}"`),
    ...local.flatMap(({ zone, records }) => [
      `local-zone: "${zone}" static`,
      ...records.map((record) => `local-data: "${record}"`),
    ]),
    ...extra,
    ...zones.flatMap(({ name, kind, port: at }) => [
      `${kind}-zone:`,
      `name: "${name}"`,
      `${kind}-addr: 127.0.0.1@${at}`,
    ]),
    'remote-control:',
    'control-enable: no',
  ]
  writeFileSync(join(folder, 'unbound.conf'), `${lines.join('\n')}\n`)
  // It answers for localhost by itself, whatever becomes of those it asks.
  return startServer({
    program,
    args: ['-d', '-c', 'unbound.conf'],
    port,
    folder,
    probe: 'localhost',
  })
}
