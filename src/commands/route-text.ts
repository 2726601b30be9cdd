// The configuration's routes as text: which names, or whose, go to which upstreams.
import type { Config, ForwardOrder, Upstream } from '../config/types.ts'

export function listRoutes({ zones, networks, order: usual }: Config['forward']): string[] {
  const line = (from: string, upstreams: readonly Upstream[], order: ForwardOrder = usual) =>
    `${from} → ${upstreams.map(({ text }) => text).join(', ')}${order === usual ? '' : `, ${order}`}`
  return [
    ...zones.map(({ suffix, upstreams, order }) => line(suffix, upstreams, order)),
    ...networks.map(({ network, upstreams, order }) => line(`network ${network}`, upstreams, order)),
  ]
}
