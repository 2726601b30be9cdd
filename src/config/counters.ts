// What reading the configuration counts.
import { Counter } from '../lib/counters.ts'

/** `now`: seconds since 1970, of the reading at start. */
export function createConfigCounters(now: number) {
  const counters = {
    /** Readings after the start; `result`: ok, refused. */
    reloads: new Counter('result'),
    /** 1 where the latest reading, that at start included, was in order; 0 where it was refused. */
    lastSuccess: new Counter(),
    /** When the configuration in force was read, seconds since 1970. */
    lastReload: new Counter(),
  }
  counters.reloads.add(0, 'ok')
  counters.reloads.add(0, 'refused')
  counters.lastSuccess.cell().value = 1
  counters.lastReload.cell().value = now
  return counters
}

export type ConfigCounters = ReturnType<typeof createConfigCounters>
