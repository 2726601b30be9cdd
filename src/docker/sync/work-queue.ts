// Ids to inspect again: few at a time, once more if marked meanwhile, with backoff on failure.
import { type Backoff, createBackoff } from '../../lib/backoff.ts'
import type { Clock, Timer } from '../../lib/clock.ts'

/** One inspection of an id. */
export interface Job {
  /** The engine's clock of the earliest event behind it, ms; undefined: no event. */
  readonly eventTime: number | undefined
  /** Its result is older than something already known: discard it, a new job follows. */
  outdated(): boolean
}

export interface WorkQueue {
  /**
   * `superseded`: something newer than the result of a job under way is known already. `urgent`: skip the debounce.
   */
  add(id: string, options?: { eventTime?: number; superseded?: boolean; urgent?: boolean }): void
  remove(id: string): void
  /** Removes the others. */
  retain(isWanted: (id: string) => boolean): void
  has(id: string): boolean
  /** Starts no more jobs; ids stay queued. */
  pause(): void
  /** Starts jobs again, failed ids at once. */
  resume(): void
  /**
   * Resolves when all `ids` are done, when for `patience` ms none was, after `limit` ms, or when paused.
   */
  settled(ids: readonly string[], patience: number, limit: number): Promise<void>
}

export interface WorkQueueOptions {
  /** Rejects on failure: the id stays queued. */
  run(id: string, job: Job): Promise<void>
  failed(id: string, error: unknown): void
  concurrency: number
  /** Default 1; with more, an added id need not wait for a job that began before. */
  concurrencyPerId?: number
  /** Ids added within this time start together, ms. */
  debounce: number
  clock: Clock
  random: () => number
}

interface Entry {
  generation: number
  /** Jobs begun before this generation are outdated. */
  validFrom: number
  eventTime: number | undefined
  /** Jobs under way, and the generation of the last one begun. */
  jobs: number
  lastBegun: number
  /** Failed; waiting for its next turn. */
  waiting: Timer | undefined
  backoff: Backoff | undefined
}

/** A caller of `settled`. */
interface Waiter {
  unmarked(id: string): void
  finish(): void
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { run, failed, concurrency, concurrencyPerId = 1, debounce, clock, random } = options
  const entries = new Map<string, Entry>()
  const waiters = new Set<Waiter>()
  /** Failing jobs, each perhaps taking its whole deadline, never take all places. */
  const retryConcurrency = Math.max(1, Math.floor(concurrency / 2))
  let running = 0
  /** Of these, retries. */
  let retrying = 0
  let held = true
  let timer: Timer | undefined

  function schedule() {
    if (held || timer !== undefined) return
    timer = clock.setTimeout(() => {
      timer = undefined
      pump()
    }, debounce)
  }

  function pump() {
    if (held) return
    for (const [id, entry] of entries) {
      if (running >= concurrency) return
      if (wantsJob(entry) && (entry.backoff === undefined || retrying < retryConcurrency))
        void start(id, entry)
    }
  }

  const wantsJob = ({ waiting, jobs, lastBegun, generation }: Entry) =>
    waiting === undefined && (jobs === 0 || (jobs < concurrencyPerId && lastBegun < generation))

  async function start(id: string, entry: Entry) {
    const { generation, eventTime } = entry
    const isAgain = entry.backoff !== undefined
    if (isAgain) retrying++
    entry.jobs++
    entry.lastBegun = generation
    entry.eventTime = undefined
    running++
    try {
      await run(id, {
        eventTime,
        outdated: () => entries.get(id) !== entry || generation < entry.validFrom,
      })
      entry.backoff = undefined
      if (entries.get(id) !== entry) return
      // Of another job that failed meanwhile.
      stopWaiting(entry)
      if (entry.generation === generation) unmark(id, entry)
    } catch (error) {
      entry.eventTime = earlier(eventTime, entry.eventTime)
      // Held: the connection was cut, and there will be another.
      if (entries.get(id) === entry && !held) {
        // It began for additions that no earlier job covered.
        if (entry.lastBegun === generation) entry.lastBegun--
        failed(id, error)
        wait(entry)
      }
    } finally {
      entry.jobs--
      running--
      if (isAgain) retrying--
      pump()
    }
  }

  function unmark(id: string, entry: Entry) {
    stopWaiting(entry)
    entries.delete(id)
    for (const waiter of waiters) waiter.unmarked(id)
  }

  function wait(entry: Entry) {
    if (entry.waiting !== undefined) return
    entry.backoff ??= createBackoff(200, 10_000, random)
    entry.waiting = clock.setTimeout(() => {
      entry.waiting = undefined
      // Who is lastBegun at again now will pump when it is done.
      if (retrying < retryConcurrency) pump()
    }, entry.backoff.next())
  }

  function stopWaiting(entry: Entry) {
    clock.clearTimeout(entry.waiting)
    entry.waiting = undefined
  }

  return {
    add(id, { eventTime, superseded = false, urgent = false } = {}) {
      let entry = entries.get(id)
      if (entry === undefined) {
        entry = {
          ...{ generation: 0, validFrom: 0, eventTime: undefined },
          ...{ jobs: 0, lastBegun: -1, waiting: undefined, backoff: undefined },
        }
      }
      // To the end of the line, or one that is marked all the time would keep others waiting.
      if (!wantsJob(entry)) entries.delete(id)
      entries.set(id, entry)
      entry.generation++
      if (superseded) entry.validFrom = entry.generation
      entry.eventTime = earlier(eventTime, entry.eventTime)
      if (urgent) pump()
      else schedule()
    },
    remove(id) {
      const entry = entries.get(id)
      if (entry !== undefined) unmark(id, entry)
    },
    retain(isWanted) {
      for (const [id, entry] of entries) if (!isWanted(id)) unmark(id, entry)
    },
    has: (id) => entries.has(id),
    pause() {
      held = true
      clock.clearTimeout(timer)
      timer = undefined
      for (const entry of entries.values()) stopWaiting(entry)
      for (const waiter of waiters) waiter.finish()
    },
    resume() {
      held = false
      for (const entry of entries.values()) {
        stopWaiting(entry)
        entry.backoff = undefined
      }
      schedule()
    },
    settled(ids, patience, limit) {
      const left = new Set(ids.filter((id) => entries.has(id)))
      if (held || left.size === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const finish = () => {
          clock.clearTimeout(silence)
          clock.clearTimeout(end)
          waiters.delete(waiter)
          resolve()
        }
        let silence = clock.setTimeout(finish, patience)
        const end = clock.setTimeout(finish, limit)
        const waiter: Waiter = {
          finish,
          unmarked(id) {
            if (!left.delete(id)) return
            if (left.size === 0) return finish()
            clock.clearTimeout(silence)
            silence = clock.setTimeout(finish, patience)
          },
        }
        waiters.add(waiter)
      })
    },
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}
