// Detects an event stream that has gone silent (half-open, or events dropped for a slow reader), which pings do not show:
// the engine is asked regularly for its recent events, each of which must have come on the stream too.
import type { Clock } from '../../lib/clock.ts'
import { sleep } from '../../lib/clock.ts'
import type { EngineClient } from '../api/client.ts'
import { type EngineEvent, isFollowed } from '../api/event-stream.ts'

export interface StreamCheck {
  /** An event that came on the stream. */
  observe(event: EngineEvent): void
  /** One check. `deaf`: events that did not come; `unsure`: the engine remembers too little to say. */
  check(
    signal: AbortSignal,
  ): Promise<{ readonly missed: readonly EngineEvent[]; readonly inconclusive: boolean }>
}

/** The engine keeps its last 256 events, of all kinds; near that some may have been pushed out. */
const ringNearlyFull = 250
/** Events younger than this are not asked for, so that the engine has nothing to wait for, ms. */
const margin = 500
/** A slow stream may bring events later than the engine's answer, ms. */
const grace = 2_000
const rememberFor = 60_000
/** So much of it is asked for, with room for the way there and back, ms. */
const compared = 45_000
const rememberAtMost = 20_000

/** `engineNow` is the engine's clock, ms; the first check asks from `from` on. */
export function createStreamCheck(
  client: Pick<EngineClient, 'pastEvents'>,
  clock: Clock,
  engineNow: () => number,
  from: number = engineNow(),
): StreamCheck {
  const heard = new Map<string, number>()
  let since = from

  function forget() {
    const old = engineNow() - rememberFor
    for (const [key, time] of heard) {
      if (time >= old && heard.size <= rememberAtMost) return
      heard.delete(key)
    }
  }

  return {
    observe(event) {
      heard.set(keyOf(event), event.time)
      forget()
    },
    async check(signal) {
      const until = engineNow() - margin
      if (until <= since) return { missed: [], inconclusive: false }
      // After checks that failed for long: what was heard before is forgotten, and can't be told from what was not.
      const from = Math.max(since, until - compared)
      const told = await client.pastEvents(from, until)
      const isCutOff = told.length >= ringNearlyFull && told[0]!.time > from + 1
      const inconclusive = isCutOff || from > since
      since = until
      const silent = () => told.filter((event) => isFollowed(event) && !heard.has(keyOf(event)))
      if (silent().length > 0) await sleep(clock, grace, signal)
      return { missed: silent(), inconclusive }
    },
  }
}

function keyOf({ type, action, id, time }: EngineEvent): string {
  return `${time} ${type} ${action} ${id}`
}
