// All contenders in all workloads, in turns and several rounds, at saturation and at a steady rate.

import { type Figures, measure, nothing, warmUp, withServer, writeLines } from './measure.ts'
import type { Native } from './native/build.ts'
import { isChosen, type Options } from './options.ts'
import type { Place } from './place.ts'
import { aardvark, olderAardvark } from './servers/aardvark.ts'
import { berth, gatewayBerth, plainBerth } from './servers/berth.ts'
import type { Contender } from './servers/contender.ts'
import { dnsmasq, olderDnsmasq } from './servers/dnsmasq.ts'
import { dockerResolver } from './servers/docker.ts'
import { floor } from './servers/floor.ts'
import { olderUnbound, unbound } from './servers/unbound.ts'
import { type Key, type Workload, workloads } from './workloads.ts'
import { openWorld, type World } from './world/world.ts'

export const contenders: readonly Contender[] = [
  ...[floor, unbound, olderUnbound, dnsmasq, olderDnsmasq, aardvark, olderAardvark, dockerResolver],
  ...[berth, gatewayBerth, plainBerth],
]

/** 10,000 names. */
export const size = { networks: 50, containers: 50, names: 4 }
/** Questions a second. */
export const steadyRate = 20_000

const modes = ['full', 'steady'] as const
export type Mode = (typeof modes)[number]

/** One server in one workload, one round after the other. */
export interface Row {
  readonly workload: Key
  readonly server: string
  readonly mode: Mode
  readonly rounds: Figures[]
}

/** What it takes to measure any server. */
export interface Bench {
  readonly place: Place
  readonly native: Native
  /** For files. */
  readonly folder: string
  /** Of each run of dnsperf. */
  readonly seconds: number
}

export interface Setting extends Omit<Bench, 'seconds'> {
  readonly options: Options
}

export async function runPeers(setting: Setting): Promise<Row[]> {
  const { place, options } = setting
  const world = await openWorld(size)
  place.settle(
    world.gateways,
    world.askers.map(({ address }) => address),
  )
  const rows: Row[] = []
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const workload of workloads.filter(({ key }) => options.only.includes(key))) {
        const list = contenders.filter(
          ({ name }) => workload.servers.includes(name) && isChosen(options, name),
        )
        // What warms up, or tires, does so for each in another place.
        for (const contender of round % 2 === 0 ? list : list.toReversed()) {
          const bench = { ...setting, seconds: options.seconds }
          const found = await measureModes(bench, world, workload, contender, modes)
          for (const mode of modes) {
            const figures = found.get(mode)!
            rowOf(rows, workload.key, contender.name, mode).rounds.push(figures)
            tell(`${workload.title}, ${contender.name}, ${mode}`, figures)
          }
        }
      }
    }
  } finally {
    world.close()
  }
  return rows
}

/** Starts a server for one workload; what failed is told as a fault of all modes. */
export async function measureModes(
  { place, native, folder, seconds }: Bench,
  world: World,
  { key, forwards, connections, lines }: Workload,
  contender: Contender,
  wanted: readonly Mode[],
): Promise<Map<Mode, Figures>> {
  const run = { library: native.askers, connections, seconds }
  const fileFor = (purpose: 'warm' | Mode) =>
    writeLines(folder, `${key} ${purpose}`, () => lines(world, purpose))
  const found = await withServer(contender, { place, world, native, forwards }, async (started) => {
    await warmUp(started, { ...run, questions: fileFor('warm') })
    const measured = new Map<Mode, Figures>()
    for (const mode of wanted) {
      const rate = mode === 'steady' ? steadyRate : undefined
      measured.set(mode, await measure(started, { ...run, questions: fileFor(mode), rate }))
    }
    return measured
  })
  return 'fault' in found ? new Map(wanted.map((mode) => [mode, { ...nothing, ...found }])) : found
}

function rowOf(rows: Row[], workload: Key, server: string, mode: Mode): Row {
  const same = (row: Row) => row.workload === workload && row.server === server && row.mode === mode
  const row = rows.find(same) ?? { workload, server, mode, rounds: [] }
  if (!rows.includes(row)) rows.push(row)
  return row
}

/** A line for whoever waits. */
export function tell(what: string, { cpu, rate, busy, p99, lost, fault }: Figures): void {
  const parts = [`${cpu.toFixed(2)} µs`, `${Math.round(rate)}/s`, `${Math.round(busy * 100)} % busy`]
  parts.push(`p99 ${Math.round(p99)} µs`, ...(lost > 0 ? [`${lost} lost`] : []))
  console.log(`${what}: ${parts.join(', ')}${fault === undefined ? '' : ` — VOID: ${fault}`}`)
}
