// Three resolvers before the same upstreams, asked from inside one container: Docker's own, dnsmasq and berth.
import { startBerth } from '../../../engine/berth.ts'
import { docker, onNetworkOf, runContainer } from '../../../engine/docker.ts'
import { gatewayOf } from '../../../engine/project.ts'
import { startDnsmasq } from '../../servers/dnsmasq.ts'
import { freePort } from '../../servers/port.ts'
import type { Burst, Resolver, Sequence, Timed, Turns } from './asker.ts'
import { startWorker } from './calls.ts'

export const kinds = ['docker', 'dnsmasq', 'berth'] as const
export type Kind = (typeof kinds)[number]

export interface Scene {
  readonly resolvers: Readonly<Record<Kind, Resolver>>
  sequence(asked: Sequence): Promise<Timed[]>
  burst(asked: Burst): Promise<Timed[]>
  turns(asked: Turns): Promise<Timed[][]>
  stop(): Promise<void>
}

export const network = 'bench'

/** Each of them is as it comes, but for `dnsmasqOptions`, and a cache for dnsmasq as large as berth's. */
export async function openScene(
  name: string,
  upstreams: readonly string[],
  dnsmasqOptions: readonly string[] = [],
): Promise<Scene> {
  const container = `bench-${name}`
  const dns = upstreams.flatMap((address) => ['--dns', address])
  await runContainer(container, '--network', network, ...dns)
  const gateway = (await gatewayOf(network)).v4
  const port = await freePort()
  const berth = await startBerth({
    listen: [`${gateway}:${port}`],
    http: false,
    forward: { upstreams },
  })
  const dnsmasq = await startDnsmasq({
    upstreams: [],
    extra: [
      ...upstreams.map((address) => `--server=${address}`),
      `--listen-address=${gateway}`,
      '--cache-size=10000',
      ...dnsmasqOptions,
    ],
  })
  const asker = startWorker('asker.ts', await onNetworkOf(container))
  return {
    resolvers: {
      docker: { host: '127.0.0.11', port: 53 },
      dnsmasq: { host: gateway, port: dnsmasq.port },
      berth: { host: gateway, port },
    },
    sequence: (asked) => asker.call('sequence', asked),
    burst: (asked) => asker.call('burst', asked),
    turns: (asked) => asker.call('turns', asked),
    async stop() {
      asker.stop()
      await Promise.all([dnsmasq.stop(), berth.stop()])
      await docker('rm', '--force', container)
    },
  }
}
