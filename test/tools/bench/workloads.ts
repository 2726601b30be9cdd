// What is asked, and of whom.

import type { Forwards } from './servers/contender.ts'
import { external, type Line, localA, localMix, unique } from './world/questions.ts'
import type { World } from './world/world.ts'

export const keys = ['a', 'b', 'c', 'd', 'e'] as const
export type Key = (typeof keys)[number]

/** What a run of dnsperf is for: each has its own questions where no name may be asked twice. */
export type Purpose = 'warm' | 'full' | 'steady'

export interface Workload {
  readonly key: Key
  readonly title: string
  /** Names of contenders. Older versions only where they may differ from today's: a run is long. */
  readonly servers: readonly string[]
  readonly forwards: Forwards
  /** Over TCP, with questions one after the other on each. */
  readonly connections?: number
  lines(world: World, purpose: Purpose): readonly Line[]
}

/** One of each asker. */
export const connections = 200

const names = ({ names, askers }: World) => [names, askers.length] as const
const forwarders = ['unbound', 'dnsmasq', 'berth']

export const workloads: readonly Workload[] = [
  {
    ...{ key: 'a', title: 'local A', forwards: 'nothing' },
    servers: [
      ...['C floor', 'unbound', 'older unbound', 'dnsmasq', 'older dnsmasq'],
      ...['aardvark-dns', 'older aardvark-dns', 'Docker'],
      ...['berth', 'berth, at each gateway', 'berth, plain dgram'],
    ],
    lines: (world) => localA(...names(world)),
  },
  {
    ...{ key: 'b', title: 'local AAAA, NODATA and NXDOMAIN', forwards: 'nothing' },
    servers: [...forwarders, 'berth, plain dgram'],
    lines: (world) => localMix(...names(world)),
  },
  {
    ...{ key: 'c', title: 'cached external names', forwards: 'known', servers: forwarders },
    lines: () => external(1000),
  },
  {
    ...{ key: 'd', title: 'cache misses', forwards: 'new' },
    servers: ['unbound', 'older unbound', 'dnsmasq', 'berth'],
    lines: (_, purpose) => unique(purpose, purpose === 'warm' ? 100_000 : 400_000),
  },
  {
    ...{
      key: 'e',
      title: 'local A over TCP, pipelined',
      forwards: 'nothing',
      servers: forwarders,
      connections,
    },
    lines: (world) => localA(...names(world)),
  },
]
