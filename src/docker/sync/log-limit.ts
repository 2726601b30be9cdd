// Limits log lines that others can cause: each at most once an hour, and few in a row.
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/log.ts'
import type { EngineStateOptions } from './engine-state.ts'

export interface LogLimit {
  /**
   * Calls `tell` unless the same was said within the hour, or too much of late; `unsaid`: how much was not said since
   * the last line, for the second reason.
   */
  say(what: string, tell: (more: { readonly unsaid?: number }) => void): void
}

const sameAfter = 3_600_000
const mostRemembered = 1_000
/** Of what is said only the start is remembered, characters. */
const remembered = 500
/** So many lines at once, and one more each `lineEvery` ms. */
const burst = 50
const lineEvery = 10_000

export function createLogLimit(clock: Clock): LogLimit {
  /** What was said, and when; the oldest goes first. */
  const said = new Map<string, number>()
  let room = burst
  let roomAt = clock.monotonic()
  let unsaid = 0
  return {
    say(what, tell) {
      const now = clock.monotonic()
      const key = what.length <= remembered ? what : `${what.length} ${what.slice(0, remembered)}`
      if (now - (said.get(key) ?? Number.NEGATIVE_INFINITY) < sameAfter) return
      room = Math.min(burst, room + (now - roomAt) / lineEvery)
      roomAt = now
      if (room < 1) {
        unsaid++
        return
      }
      room--
      said.delete(key)
      said.set(key, now)
      for (const old of said.keys()) {
        if (said.size <= mostRemembered) break
        said.delete(old)
      }
      tell(unsaid === 0 ? {} : { unsaid })
      unsaid = 0
    },
  }
}

/** How what is wrong with an engine's labels and names goes to the log. */
export function problemLog(
  engine: string,
  notices: LogLimit,
  log: Logger,
): Required<Pick<EngineStateOptions, 'invalidLabels' | 'invalidNames'>> {
  return {
    invalidLabels: ({ name }, problems) =>
      notices.say(`${name} ${problems}`, (more) =>
        log.warn({ engine, container: name, problems, ...more }, 'labels not understood'),
      ),
    invalidNames: (kind, name, names) =>
      notices.say(`${kind} ${name} ${names}`, (more) =>
        log.warn(
          { engine, [kind]: name, names, ...more },
          'names that no query can contain; use letters, digits and hyphens',
        ),
      ),
  }
}
