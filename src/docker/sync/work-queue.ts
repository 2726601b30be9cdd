// Ids to inspect again: few at a time, once more if marked meanwhile, with backoff on failure.
import { type Backoff, createBackoff } from '../../lib/backoff.ts'
import type { Clock, Timer } from '../../lib/clock.ts'

/** One look at an id. */
export interface Job {
  /** The engine's time of the earliest event behind it, ms; undefined: no event. */
  readonly eventTime: number | undefined
  /** What is read now is older than something already known: throw it away, a new look follows. */
  outdated(): boolean
}

export interface WorkQueue {
  /**
   * `superseded`: something newer than what a look under way will bring is known already. `urgent`: no time for others
   * that may come.
   */
  add(id: string, options?: { eventTime?: number; superseded?: boolean; urgent?: boolean }): void
  remove(id: string): void
  /** Forgets the others. */
  retain(isWanted: (id: string) => boolean): void
  has(id: string): boolean
  /** Stops looking; what is marked stays marked. */
  pause(): void
  /** Looks again, at failed ones at once. */
  resume(): void
  /**
   * Resolves when each of `ids` has been unmarked, when for `patience` ms none has been, after `limit` ms, or when held.
   */
  settled(ids: readonly string[], patience: number, limit: number): Promise<void>
}

export interface WorkQueueOptions {
  /** Rejects on failure: the id stays marked. */
  run(id: string, look: Job): Promise<void>
  failed(id: string, error: unknown): void
  concurrency: number
  /** At one id at once, 1 unless told: with more, a mark need not wait for a look that began before it. */
  concurrencyPerId?: number
  /** Marks within this time make one look, ms. */
  debounce: number
  clock: Clock
  random: () => number
}

interface Entry {
  generation: number
  /** Looks begun before this generation are outdated. */
  validFrom: number
  eventTime: number | undefined
  /** Looks under way, and the generation of the one that began last. */
  looks: number
  looked: number
  /** Failed; waiting for its next turn. */
  waiting: Timer | undefined
  backoff: Backoff | undefined
}

/** Somebody who waits for ids to be unmarked. */
interface Waiter {
  unmarked(id: string): void
  finish(): void
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { run, failed, concurrency, concurrencyPerId = 1, debounce, clock, random } = options
  const entries = new Map<string, Entry>()
  const waiters = new Set<Waiter>()
  /** Those whose looks fail, each perhaps after its whole deadline, never take the place of all others. */
  const atOnceAgain = Math.max(1, Math.floor(concurrency / 2))
  let looking = 0
  /** Of these, at ids whose last look failed. */
  let trying = 0
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
      if (looking >= concurrency) return
      if (wantsLook(entry) && (entry.backoff === undefined || trying < atOnceAgain)) void lookAt(id, entry)
    }
  }

  const wantsLook = ({ waiting, looks, looked, generation }: Entry) =>
    waiting === undefined && (looks === 0 || (looks < concurrencyPerId && looked < generation))

  async function lookAt(id: string, entry: Entry) {
    const { generation, eventTime } = entry
    const isAgain = entry.backoff !== undefined
    if (isAgain) trying++
    entry.looks++
    entry.looked = generation
    entry.eventTime = undefined
    looking++
    try {
      await run(id, {
        eventTime,
        outdated: () => entries.get(id) !== entry || generation < entry.validFrom,
      })
      entry.backoff = undefined
      if (entries.get(id) !== entry) return
      // Of another look that failed meanwhile.
      stopWaiting(entry)
      if (entry.generation === generation) unmark(id, entry)
    } catch (error) {
      entry.eventTime = earlier(eventTime, entry.eventTime)
      // Held: the connection was cut, and there will be another.
      if (entries.get(id) === entry && !held) {
        // It was for marks that no look before it was for.
        if (entry.looked === generation) entry.looked--
        failed(id, error)
        wait(entry)
      }
    } finally {
      entry.looks--
      looking--
      if (isAgain) trying--
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
      // Who is looked at again now will pump when it is done.
      if (trying < atOnceAgain) pump()
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
          ...{ looks: 0, looked: -1, waiting: undefined, backoff: undefined },
        }
      }
      // To the end of the line, or one that is marked all the time would keep others waiting.
      if (!wantsLook(entry)) entries.delete(id)
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
