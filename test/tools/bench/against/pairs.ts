// Two builds of berth in turns: in each pair both are started anew, one right after the other, on the same address, the
// same processor and with the same engine; who is first changes from pair to pair.
import type { Figures } from '../measure.ts'
import { type Bench, measureModes, size, tell } from '../peers.ts'
import { builtBerth } from '../servers/berth.ts'
import { workloads } from '../workloads.ts'
import { openWorld } from '../world/world.ts'
import type { AgainstOptions, RowKind } from './options.ts'

export const sides = ['this', 'that'] as const
export type Side = (typeof sides)[number]

/** One measurement. */
export interface Point {
  /** A row's name. */
  readonly row: string
  /** From 0. */
  readonly pair: number
  readonly side: Side
  readonly figures: Figures
}

/** Who goes first: what warms up, or tires, does so for either in turn. */
export const orderIn = (pair: number): readonly Side[] => (pair % 2 === 0 ? sides : sides.toReversed())

/** `keep` is told of all that there is after each pair. */
export async function runPairs(
  bench: Bench,
  { pairs, rows }: Pick<AgainstOptions, 'pairs' | 'rows'>,
  programs: Readonly<Record<Side, string>>,
  keep: (points: readonly Point[]) => void,
): Promise<Point[]> {
  const world = await openWorld(size)
  bench.place.settle(
    world.gateways,
    world.askers.map(({ address }) => address),
  )
  const points: Point[] = []
  try {
    for (let pair = 0; pair < pairs; pair++) {
      for (const workload of workloads) {
        const chosen = rows.filter((row) => row.workload === workload.key)
        for (const side of chosen.length === 0 ? [] : orderIn(pair)) {
          const found = await measureModes(
            bench,
            world,
            workload,
            builtBerth(side, programs[side]),
            modesOf(chosen),
          )
          for (const { name, title, mode } of chosen) {
            const figures = found.get(mode)!
            points.push({ row: name, pair, side, figures })
            tell(`pair ${pair + 1} of ${pairs}, ${title}, ${side}`, figures)
          }
        }
      }
      keep(points)
    }
  } finally {
    world.close()
  }
  return points
}

const modesOf = (rows: readonly RowKind[]) => rows.map(({ mode }) => mode)
