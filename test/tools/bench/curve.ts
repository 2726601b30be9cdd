// CPU for each answer as the table grows, from 10 to 100,000 names and from 1 to 1,000 networks: berth, and unbound with as
// many names.
import { type Figures, measure, nothing, warmUp, withServer, writeLines } from './measure.ts'
import { type Setting, tell } from './peers.ts'
import { median } from './report/summary.ts'
import { berth } from './servers/berth.ts'
import type { Contender } from './servers/contender.ts'
import { unbound } from './servers/unbound.ts'
import { localA } from './world/questions.ts'
import { openWorld, type WorldSize } from './world/world.ts'

export interface Point {
  /** What grows. */
  readonly along: 'names' | 'networks'
  readonly server: string
  readonly names: number
  readonly networks: number
  /** µs */
  readonly cpu: number
  readonly rate: number
  readonly memory: number
  readonly fault?: string
}

/** Ten times as many each time. */
export const byNames: readonly WorldSize[] = [
  { networks: 1, containers: 10, names: 1 },
  { networks: 10, containers: 10, names: 1 },
  { networks: 50, containers: 10, names: 2 },
  { networks: 50, containers: 50, names: 4 },
  { networks: 50, containers: 100, names: 20 },
]

/** 10,000 names on each. */
export const byNetworks: readonly WorldSize[] = [
  { networks: 1, containers: 2500, names: 4 },
  { networks: 10, containers: 250, names: 4 },
  { networks: 100, containers: 25, names: 4 },
  { networks: 1000, containers: 2, names: 5 },
]

/** Of each point: what disturbs one measurement does not disturb all. */
const runs = 3

export async function runCurve(setting: Setting): Promise<Point[]> {
  const points: Point[] = []
  for (const size of byNames) {
    points.push(await measurePoint(setting, size, 'names', unbound))
    points.push(await measurePoint(setting, size, 'names', berth))
  }
  for (const size of byNetworks) points.push(await measurePoint(setting, size, 'networks', berth))
  return points
}

async function measurePoint(
  { place, native, folder, options }: Setting,
  size: WorldSize,
  along: Point['along'],
  contender: Contender,
): Promise<Point> {
  const world = await openWorld(size)
  place.settle(
    world.gateways,
    world.askers.map(({ address }) => address),
  )
  const questions = writeLines(folder, `curve ${Object.values(size).join(' ')}`, () =>
    localA(world.names, world.askers.length),
  )
  const run = { library: native.askers, questions }
  try {
    const found = await withServer(
      contender,
      { place, world, native, forwards: 'nothing' },
      async (started) => {
        await warmUp(started, run, world.records.size)
        const list: Figures[] = []
        while (list.length < runs)
          list.push(await measure(started, { ...run, seconds: options.seconds / runs }))
        return list
      },
    )
    const list = 'fault' in found ? [{ ...nothing, ...found }] : found
    const fault = list.find((each) => each.fault !== undefined)?.fault
    const point = {
      ...{ along, server: contender.name, names: world.records.size, networks: size.networks },
      cpu: median(list.map(({ cpu }) => cpu)),
      rate: median(list.map(({ rate }) => rate)),
      memory: list.at(-1)!.memory,
      ...(fault === undefined ? {} : { fault }),
    }
    tell(`${point.names} names on ${point.networks} networks, ${point.server}`, { ...list[0]!, ...point })
    return point
  } finally {
    world.close()
  }
}

/** From end to end: the dearest point by the cheapest. Void ones do not count. */
export function steepness(points: readonly Point[], along: Point['along'], server: string): number {
  const own = points.filter((each) => each.along === along && each.server === server)
  const costs = own.filter(({ fault }) => fault === undefined).map(({ cpu }) => cpu)
  return costs.length < 2 ? Number.NaN : Math.max(...costs) / Math.min(...costs)
}
