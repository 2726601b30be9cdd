// In which order upstreams are asked. Pure.
import type { ForwardOrder, Upstream } from '../config/types.ts'
import { shuffle } from '../lib/shuffle.ts'

/** What is known of an upstream. */
export interface Standing {
  /** It failed, and goes behind the others until it has recovered. */
  readonly unhealthy: boolean
  /** Smoothed round-trip time, ms. */
  readonly rtt: number | undefined
}

/** "fastest" tries a slower one first for one question in so many. */
const exploreEvery = 16

/** All of them, unhealthy ones last; `random` gives [0, 1). */
export function orderUpstreams(
  upstreams: readonly Upstream[],
  order: ForwardOrder,
  standingOf: (upstream: Upstream) => Standing,
  random: () => number,
): readonly Upstream[] {
  if (upstreams.length < 2) return upstreams
  const ordered =
    order === 'sequential'
      ? upstreams
      : order === 'random'
        ? shuffle([...upstreams], random)
        : byTime(upstreams, standingOf, random)
  const well = ordered.filter((upstream) => !standingOf(upstream).unhealthy)
  if (well.length === ordered.length) return ordered
  return [...well, ...ordered.filter((upstream) => standingOf(upstream).unhealthy)]
}

function byTime(
  upstreams: readonly Upstream[],
  standingOf: (upstream: Upstream) => Standing,
  random: () => number,
): readonly Upstream[] {
  const time = (upstream: Upstream) => standingOf(upstream).rtt ?? -1
  const ordered = [...upstreams].sort((a, b) => time(a) - time(b))
  if (random() * exploreEvery >= 1) return ordered
  const [other] = ordered.splice(1 + Math.floor(random() * (ordered.length - 1)), 1)
  return [other!, ...ordered]
}
