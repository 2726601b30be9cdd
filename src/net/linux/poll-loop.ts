// While many datagrams come, waits for them by epoll and not by the event loop, which allocates for each, asks once more
// whether there is another, and calls into JavaScript for each: together as much as all the rest. The event loop's own
// descriptor is among those waited for, and has precedence.
import type { Clock } from '../../lib/clock.ts'
import { Slots } from '../../lib/slots.ts'
import { type Libc, pollEventWords, pollNumberAt } from './libc.ts'

export interface PollLoop {
  /** `take` reads what is there, without waiting. False: promises are to be run before the next wait. */
  add(fd: number, take: () => boolean): Watched
  /** As setImmediate: runs it once what has come is taken. */
  soon(run: () => void): void
  /** A datagram came by the event loop, at this time (monotonic ms). Returns whether the poll loop is on now. */
  note(at: number): boolean
  /** How long it has waited since the start, ms: the event loop's own figures count that as work. */
  waited(): number
}

export interface Watched {
  /** Before its descriptor is closed. */
  end(): void
}

export interface PollLoopOptions {
  readonly libc: Pick<Libc, 'createPoll' | 'watch' | 'unwatch' | 'wait' | 'loopDescriptor' | 'addressOf'>
  readonly clock: Clock
}

/** This many datagrams within this time, ms, start it. */
const burstSize = 4
const burstMs = 1
/**
 * After this long without any, ms, the event loop waits again; meanwhile its timers may be late by that. Not shorter: 1 ms
 * was mostly the machine's next timer, and to set and cancel that cost 2 µs each time.
 */
const quietMs = 4
/** After this long, ms, it is the event loop's turn as soon as nothing is ready, and after twice that in any case. */
const longest = 1

/** Descriptors reported by one epoll_wait. */
const together = 64

export function createPollLoop({ libc, clock }: PollLoopOptions): PollLoop {
  const poll = libc.createPoll()
  const events = new Uint32Array(together * pollEventWords)
  const address = libc.addressOf(new Uint8Array(events.buffer))
  /** How each descriptor is read; the first one is the event loop's own. */
  const takes = new Slots<() => boolean>()
  let jobs: (() => void)[] = []
  let isOn = false
  /** When the event loop last had its turn. */
  let began = 0
  let waited = 0
  let since = Number.NEGATIVE_INFINITY
  let count = 0

  /** The event loop has had its turn. */
  const begin = goingOn(() => {
    began = clock.monotonic()
    wait()
  })
  const waitOn = goingOn(wait)
  const lookOn = goingOn(look)

  /** After an error in a step, the loop goes on with the event loop's turn. */
  function goingOn(step: () => void): () => void {
    return () => {
      let isOver = false
      try {
        step()
        isOver = true
      } finally {
        if (!isOver) setImmediate(begin)
      }
    }
  }

  function wait(): void {
    if (jobs.length === 0) {
      look()
      return
    }
    runJobs()
    // They may have added others: datagrams and the event loop have their turns in between.
    if (clock.monotonic() - began >= 2 * longest) setImmediate(begin)
    else afterPromises(lookOn)
  }

  function runJobs(): void {
    const ready = jobs
    jobs = []
    let next = 0
    try {
      while (next < ready.length) ready[next++]!()
    } finally {
      if (next < ready.length) jobs = [...ready.slice(next), ...jobs]
    }
  }

  /** Waits for datagrams, and takes them. */
  function look(): void {
    for (;;) {
      const now = clock.monotonic()
      // The event loop reads sockets its own, dearer way: its turn is when none is ready.
      const isTime = now - began >= longest
      const isIdle = !isTime && jobs.length === 0
      const ready = libc.wait(poll, address, together, isIdle ? quietMs : 0)
      waited += clock.monotonic() - now
      if (ready === 0 && isIdle) {
        isOn = false
        return
      }
      const left = takeAll(ready)
      const isLoops = left === 'other' && (ready !== 0 || isTime)
      if (isLoops || now - began >= 2 * longest) break
      if (left === 'promises' || jobs.length > 0) {
        afterPromises(waitOn)
        return
      }
    }
    setImmediate(begin)
  }

  /** Takes what is ready. Returns what has to go on: `other` is the event loop's. */
  function takeAll(ready: number): 'nothing' | 'promises' | 'other' {
    let left: 'nothing' | 'promises' | 'other' = 'other'
    for (let i = 0; i < ready; i++) {
      const take = takes.get(events[i * pollEventWords + pollNumberAt]!)
      // Removed meanwhile, or the event loop's own.
      if (take === undefined || take === eventLoop) continue
      const isDone = take()
      if (left === 'other') left = 'nothing'
      if (!isDone) left = 'promises'
    }
    return left
  }

  const own = takes.add(eventLoop)
  if (libc.loopDescriptor >= 0) libc.watch(poll, libc.loopDescriptor, own)
  return {
    add(fd, take) {
      const slot = takes.add(take)
      // Else the event loop reads it.
      let isWatched = libc.watch(poll, fd, slot)
      if (!isWatched) takes.remove(slot)
      return {
        end() {
          if (!isWatched) return
          isWatched = false
          libc.unwatch(poll, fd)
          takes.remove(slot)
        },
      }
    },
    note(at) {
      if (isOn) return true
      if (at - since > burstMs) {
        since = at
        count = 0
      }
      if (++count < burstSize) return false
      isOn = true
      setImmediate(begin)
      return true
    },
    soon(run) {
      if (isOn) jobs.push(run)
      else setImmediate(run)
    },
    waited: () => waited,
  }
}

const eventLoop = () => false

/** Once all settled promises, and what awaits them, have run as far as they can without the event loop. */
function afterPromises(run: () => void): void {
  // Ticks come before promises, but for those that a promise asks for.
  queueMicrotask(() => process.nextTick(run))
}
