// Sends upstream answers to another process's cache. What can't be sent yet waits, the newest for each question, within
// bounds: the other process asks upstreams for what it has missed.
import type { Fill } from '../forward/cache/fill.ts'
import type { Clock } from '../lib/clock.ts'

export interface CacheSync {
  add(fill: Fill): void
}

export interface CacheSyncOptions {
  /** Calls `sent` once the system has taken them; never if the other process is gone. */
  readonly send: (fills: readonly Fill[], sent: () => void) => void
  readonly clock: Clock
}

/** Sent together, ms. */
const gather = 5
/** What one message may hold, and what may wait. */
const mostAtOnce = 256
const mostWaiting = { fills: 2048, bytes: 4 * 1024 * 1024 }

export function createCacheSync({ send, clock }: CacheSyncOptions): CacheSync {
  const waiting = new Map<string, { readonly fill: Fill; readonly since: number }>()
  let bytes = 0
  let isLeaving = false

  function remove(question: string): void {
    const entry = waiting.get(question)
    if (entry === undefined) return
    waiting.delete(question)
    bytes -= sizeOf(entry.fill)
  }

  function leave(): void {
    const now = clock.monotonic()
    const fills: Fill[] = []
    for (const [question, { fill, since }] of waiting) {
      if (fills.length === mostAtOnce) break
      fills.push(aged(fill, now - since))
      remove(question)
    }
    send(fills, () => {
      isLeaving = false
      schedule()
    })
  }

  function schedule(): void {
    if (isLeaving || waiting.size === 0) return
    isLeaving = true
    clock.setTimeout(leave, gather)
  }

  return {
    add(fill) {
      remove(fill.question)
      waiting.set(fill.question, { fill, since: clock.monotonic() })
      bytes += sizeOf(fill)
      for (const question of waiting.keys()) {
        if (waiting.size <= mostWaiting.fills && bytes <= mostWaiting.bytes) break
        remove(question)
      }
      schedule()
    },
  }
}

/** Processes share no clock: ages are sent, not times. */
function aged(fill: Fill, ms: number): Fill {
  const { kept } = fill
  const shown = fill.shown.map((each) => ({ ...each, left: each.left - ms }))
  return { ...fill, shown, kept: kept && { ...kept, age: kept.age + ms } }
}

function sizeOf({ question, name, kept, shown }: Fill): number {
  const names = shown.reduce((bytes, { owner }) => bytes + owner.length, question.length + name.length)
  return names + (kept?.message.length ?? 0)
}
