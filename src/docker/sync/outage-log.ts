// Logs that an engine is unreachable, once for each reason, and that it is back.
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/log.ts'
import { createLogLimit } from './log-limit.ts'

export interface OutageLog {
  /** From now on it is out of reach, if it is not back at once. */
  begin(): void
  /** Its connection has ended, or a try at a new one has failed; `isKnown`: it has been read before. */
  report(problem: string, isKnown: boolean): void
  /** It is there: how long it was not, in seconds; undefined: no line has told that. */
  end(): number | undefined
}

/** What is wrong may be another thing with every try; so many are told of in one outage. */
const mostProblems = 5

export function createOutageLog(engine: string, clock: Clock, log: Logger): OutageLog {
  /** An engine may come and go all the time: not every outage has a line. */
  const notices = createLogLimit(clock)
  const told = new Set<string>()
  let since: number | undefined

  const begin = () => {
    since ??= clock.monotonic()
  }

  return {
    begin,
    report(problem, isKnown) {
      begin()
      if (told.size === 0) {
        notices.say(`${since} ${problem}`, (more) => {
          told.add(problem)
          if (isKnown)
            log.warn({ engine, problem, ...more }, 'Docker engine lost; keeping its last known names')
          else log.error({ engine, problem, ...more }, 'cannot reach the Docker engine; will keep retrying')
        })
      } else if (told.has(problem) || told.size >= mostProblems) {
        log.debug({ engine, problem }, 'Docker engine still unreachable')
      } else {
        told.add(problem)
        log.warn({ engine, problem }, 'Docker engine still unreachable')
      }
    },
    end() {
      const seconds = Math.round((clock.monotonic() - (since ?? 0)) / 1000)
      const wasTold = told.size > 0
      told.clear()
      since = undefined
      return wasTold ? seconds : undefined
    },
  }
}
