// In which order upstreams are asked. Pure.
import type { ForwardOrder, Upstream } from '../config/types.ts'

/** What is known of an upstream. */
export interface Standing {
  /** It failed, and goes behind the others until it is found well. */
  readonly aside: boolean
  /** Smoothed round-trip time, ms. */
  readonly rtt: number | undefined
}

/** One question in so many: "fastest" tries another one first. */
const exploreEvery = 16

/** All of them, those set aside last; `random` gives [0, 1). */
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
        ? shuffle(upstreams, random)
        : byTime(upstreams, standingOf, random)
  const well = ordered.filter((upstream) => !standingOf(upstream).aside)
  if (well.length === ordered.length) return ordered
  return [...well, ...ordered.filter((upstream) => standingOf(upstream).aside)]
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

function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const shuffled = [...list]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
  }
  return shuffled
}
