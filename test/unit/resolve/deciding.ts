// A resolver over a plain-fact estate, and its decisions in short.
import { type, typeCode } from '../../../src/dns/types.ts'
import { formatAddress } from '../../../src/lib/ip.ts'
import type { Snapshot } from '../../../src/registry/types.ts'
import { createResolver, type Resolver, type ResolverOptions } from '../../../src/resolve/resolver.ts'
import { interfaces } from './estate.ts'

export const upstream = { host: '192.0.2.53', port: 53, text: '192.0.2.53:53' }
export const here = interfaces({ lo: ['127.0.0.1/8', '::1/128'] })

export type Config = ResolverOptions['config']

export const config: Config = {
  zone: 'docker.internal',
  ttl: 0,
  health: 'prefer',
  scope: { gateway: 'refuse', allow: [] },
  hosts: [],
  identity: { id: '', version: '' },
  forward: {
    upstreams: [upstream],
    zones: [],
    networks: [],
    servers: [],
    order: 'sequential',
    timeout: 3500,
    singleLabel: false,
    rebindProtection: false,
    rebindAllow: [],
  },
}

export function resolverFor(
  snapshot: Snapshot,
  changes: Partial<Config> = {},
  upstreams: readonly (typeof upstream)[] = [upstream],
  own = here,
): Resolver {
  const store = { current: () => snapshot }
  return createResolver({
    config: { ...config, ...changes },
    store,
    addresses: () => own,
    upstreams: () => upstreams,
    random: () => 0,
  })
}

/** The decision in short: rcode, records as text, whether an SOA came with it. */
export function decideFor(resolver: Resolver, from: string, name: string, code = 'A', qclass = 1) {
  const scope = resolver.scope(from, '127.0.0.1')
  const decision = resolver.decide(scope, { name, type: typeCode(code)!, class: qclass })
  if (decision.kind === 'forward') {
    return { to: decision.route.upstreams.map(({ text }) => text).join(), zone: decision.route.zone }
  }
  const told = ({ type: of, data }: (typeof decision.answers)[number]) => {
    if (of === type.A || of === type.AAAA) return formatAddress(data)
    return of === type.SRV ? `${data.readUInt16BE(4)} ${text(data.subarray(6))}` : text(data)
  }
  const additional = decision.additional?.map((record) => `${record.owner} ${told(record)}`)
  return {
    rcode: decision.rcode,
    answers: decision.answers.map(told).sort(),
    soa: decision.authority.some((record) => record.type === type.SOA),
    ...(decision.error ? { ede: decision.error.code } : {}),
    ...(decision.alternatives ? { alternatives: decision.alternatives } : {}),
    ...(additional ? { additional: additional.sort() } : {}),
  }
}

function text(wire: Buffer): string {
  const labels: string[] = []
  for (let at = 0; wire[at] !== undefined && wire[at] !== 0; at += 1 + wire[at]!) {
    labels.push(wire.toString('latin1', at + 1, at + 1 + wire[at]!))
  }
  return labels.join('.')
}
