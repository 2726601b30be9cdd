// How long what `npm run latency` measures may take. Pure. Here and nowhere else times are judged: they are those of a machine
// that has nothing else to do.

/** Of one kind: the middle one, and the longest, ms. */
interface Bound {
  readonly median?: number
  readonly most: number
}

const aSecond: Bound = { most: 1000 }

const bounds: Readonly<Record<string, Bound>> = {
  // From the engine's event to the first right answer.
  ...{
    start: aSecond,
    rename: aSecond,
    connect: aSecond,
    disconnect: aSecond,
    stop: aSecond,
    remove: aSecond,
  },
  'connect, 100 in a row': aSecond,
  'pod create': { median: 100, most: 1000 },
  'pod rm': { median: 100, most: 1000 },
  'start at another address': aSecond,
  'start, each of two processes': aSecond,
  'alias of a stopped container': { median: 100, most: 1000 },
  // Without an engine.
  'new address of the machine': aSecond,
  'stop with an open question': { most: 2000 },
  'stop of HTTP with a request that hangs': aSecond,
  'processes end behind the first': aSecond,
  'query --wire, nobody listens': { most: 900 },
  'query --wire, nobody answers': { most: 2500 },
  'upstream dead for a while': { most: 900 },
  'upstream where nobody listens': { most: 900 },
  'upstream that refuses': { most: 900 },
  'both upstreams dead, timeout 1 s': { most: 3000 },
}

export type Times = Readonly<Record<string, readonly number[]>>

export interface Figures {
  readonly count: number
  readonly median: number
  readonly high: number
  readonly most: number
}

/** `high` is the 99th percentile. */
export function figuresOf(times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
  return { count: sorted.length, median: at(0.5), high: at(0.99), most: at(1) }
}

/** What took too long, a sentence each; so is what has no bound, or was not measured. `middle`: a median for all, ms. */
export function findLate(times: Times, middle?: number): string[] {
  return Object.entries(times).flatMap(([what, list]) => {
    const bound = bounds[what] && { median: middle, ...bounds[what] }
    if (bound === undefined) return `${what} has no bound`
    if (list.length === 0) return `${what} was not measured`
    const { median, most } = figuresOf(list)
    const late: string[] = []
    if (most > bound.most) late.push(`${what} took ${most.toFixed(1)} ms; ${bound.most} are the most`)
    if (bound.median !== undefined && median > bound.median)
      late.push(`${what} took ${median.toFixed(1)} ms in the middle; ${bound.median} are the most`)
    return late
  })
}
