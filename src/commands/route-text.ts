// The configuration's routes as text: which names, or whose, go to which upstreams.
import type { Config, ForwardPolicy, Upstream } from '../config/types.ts'

export function listRoutes({ zones, networks, policy: usual }: Config['forward']): string[] {
  const line = (from: string, upstreams: readonly Upstream[], policy: ForwardPolicy = usual) =>
    `${from} → ${upstreams.map(({ text }) => text).join(', ')}${policy === usual ? '' : `, ${policy}`}`
  return [
    ...zones.map(({ suffix, upstreams, policy }) => line(suffix, upstreams, policy)),
    ...networks.map(({ network, upstreams, policy }) => line(`network ${network}`, upstreams, policy)),
  ]
}
