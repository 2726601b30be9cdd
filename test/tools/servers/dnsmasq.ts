// dnsmasq: a forwarder with a cache, as in home routers and virtual networks.
import { freePort } from './port.ts'
import { type Server, serverFolder, startServer } from './process.ts'

export interface DnsmasqOptions {
  /** A path. Default: the system's own. */
  readonly program?: string
  /** Ports on 127.0.0.1 it forwards to. */
  readonly upstreams: readonly number[]
  readonly extra?: readonly string[]
}

export async function startDnsmasq(options: DnsmasqOptions): Promise<Server> {
  const { program = 'dnsmasq', upstreams, extra = [] } = options
  const folder = serverFolder('dnsmasq')
  const port = await freePort()
  const args = [
    '--keep-in-foreground',
    '--log-facility=-',
    '--conf-file=/dev/null',
    '--pid-file',
    '--user=',
    '--group=',
    '--no-resolv',
    '--no-hosts',
    `--port=${port}`,
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    ...upstreams.map((at) => `--server=127.0.0.1#${at}`),
    ...extra,
  ]
  return startServer({ program, args, port, folder })
}
