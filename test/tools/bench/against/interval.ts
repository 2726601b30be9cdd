// Pure: how much dearer one build is than another, from pairs of measurements, and how sure that is. The interval is
// the one that belongs to Wilcoxon's signed-rank test, exact for any number of pairs: of the logarithms of the ratios,
// the means of all twos (Walsh averages) in order, from the kth smallest to the kth largest. What it takes for granted
// is that a disturbance is as likely to hit either build of a pair; no bell curve, and no equal noise from pair to pair.
import { median } from '../report/summary.ts'

export interface Estimate {
  /** The middle one of the ratios. */
  readonly median: number
  readonly low: number
  readonly high: number
  /** How likely the interval holds the true ratio, of 1; less than wanted where there are too few pairs. */
  readonly confidence: number
}

/** What an interval should hold with, and the fewest pairs that have such a one. */
export const wanted = 0.95
export const fewest = 6

/** Of none: NaN. Ratios are above 0. */
export function estimate(ratios: readonly number[], level = wanted): Estimate {
  if (ratios.length === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN, confidence: 0 }
  const averages = walshAverages(ratios.map(Math.log))
  const { rank, confidence } = rankFor(ratios.length, level)
  return {
    median: median(ratios),
    low: Math.exp(averages[rank - 1]!),
    high: Math.exp(averages.at(-rank)!),
    confidence,
  }
}

/** Which of the Walsh averages, from either end, are the interval's ends: the narrowest that is sure enough. */
export function rankFor(pairs: number, level: number): { rank: number; confidence: number } {
  const ways = waysToSum(pairs)
  const confidenceOf = (below: number) => 1 - (2 * below) / 2 ** pairs
  let below = ways[0]!
  let rank = 1
  while (confidenceOf(below + ways[rank]!) >= level) {
    below += ways[rank]!
    rank++
  }
  return { rank, confidence: confidenceOf(below) }
}

/** In how many ways some of 1, 2, … `pairs` sum up to 0, 1, 2 …: how often each signed-rank sum comes by chance. */
function waysToSum(pairs: number): number[] {
  const most = (pairs * (pairs + 1)) / 2
  const ways = [1, ...Array<number>(most).fill(0)]
  for (let each = 1; each <= pairs; each++) {
    for (let sum = most; sum >= each; sum--) ways[sum]! += ways[sum - each]!
  }
  return ways
}

/** The mean of each two, and each by itself; ascending. */
function walshAverages(list: readonly number[]): number[] {
  return list.flatMap((one, i) => list.slice(i).map((other) => (one + other) / 2)).sort((a, b) => a - b)
}
