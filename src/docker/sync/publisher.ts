// Publishes an engine's changes to the store: at once, then at most one snapshot per millisecond, each of bounded cost.
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Store } from '../../registry/store.ts'
import type { Reconciler } from './reconciler.ts'

/** Between two snapshots; changes in between share one, ms. */
const interval = 1
/** Labels of names (limits.ts) that one snapshot may change: about ten milliseconds' work, then questions are answered. */
const mostCost = 10_000

export interface PublisherOptions {
  /** The engine's configured name. */
  readonly engine: string
  readonly store: Store
  readonly clock: Clock
  readonly reconciler: Pick<Reconciler, 'takeChanges' | 'markAllChanged'>
  isConnected(): boolean
  /** The engine's clock, ms. */
  engineNow(): number
  /** Seconds from an event to its snapshot. */
  readonly lag: { observe(seconds: number): void }
  failed(error: unknown): void
}

export function createPublisher(options: PublisherOptions) {
  const { engine, store, clock, reconciler, isConnected, engineNow, lag, failed } = options
  let hasPublished = false
  let timer: Timer | undefined
  let publishedAt = Number.NEGATIVE_INFINITY
  let isScheduled = false
  let eventTimes: number[] = []

  function changed(eventTime: number | undefined) {
    if (!isConnected()) return
    if (eventTime !== undefined && eventTime > 0) eventTimes.push(eventTime)
    if (isScheduled || timer !== undefined) return
    if (clock.monotonic() - publishedAt < interval) {
      timer = clock.setTimeout(publish, interval)
      return
    }
    // A process that is being started asks within milliseconds: do not wait even for a timer's turn.
    isScheduled = true
    queueMicrotask(publish)
  }

  /** A bug of berth's: everything known is published again, which repairs what can be repaired. */
  function failedInternally(error: unknown) {
    hasPublished = false
    failed(error)
  }

  function publish() {
    isScheduled = false
    timer = undefined
    publishedAt = clock.monotonic()
    // While disconnected the state may be stale: wait for the next full list.
    if (!isConnected()) return
    try {
      if (!publishPart()) timer = clock.setTimeout(publish, interval)
      else observeLag()
    } catch (error) {
      failedInternally(error)
    }
  }

  /**
   * Whether that was all. The store may hold this engine's inventory from a watch of its former address: the first time,
   * the difference to that is published. `isFirst`: part of the connection's first list.
   */
  function publishPart(isFirst = false): boolean {
    if (!hasPublished) reconciler.markAllChanged(store.inventoryOf(engine))
    hasPublished = true
    const { networks, containers, isAll } = reconciler.takeChanges(mostCost)
    const unfinished = isFirst && !isAll
    store.apply({ kind: 'update', engine, networks, containers, ...(unfinished ? { unfinished } : {}) })
    return isAll
  }

  function observeLag() {
    const now = engineNow()
    for (const time of eventTimes) lag.observe(Math.max(0, now - time) / 1000)
    eventTimes = []
  }

  return {
    changed,
    publishPart,
    failedInternally,
    /** The first list is published whole: what has changed since follows. */
    goLive() {
      eventTimes = []
      publish()
    },
    stop() {
      clock.clearTimeout(timer)
      timer = undefined
    },
  }
}
