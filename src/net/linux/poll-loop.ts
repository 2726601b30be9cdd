// Waiting for datagrams without the event loop, while many come: the loop reads each into memory made for it, asks once
// more whether there is another, and calls for each into JavaScript, which together costs as much as all the rest. What
// else happens on the loop is waited for as well, and goes first.
import type { Clock } from '../../lib/clock.ts'
import { Slots } from '../../lib/slots.ts'
import { type Libc, pollEventWords, pollNumberAt } from './libc.ts'

export interface Waiting {
  /** `take` reads what is there, without waiting. False: promises are left to go on with. */
  add(fd: number, take: () => boolean): Watched
  /** Runs it once what has come is taken, and so as little later as can be: as setImmediate does. */
  soon(run: () => void): void
  /** A datagram came by the event loop, at this time (monotonic ms). Whether we wait by ourselves now. */
  note(at: number): boolean
  /** How long we have waited by ourselves since the start, ms: the event loop takes that for work. */
  waited(): number
}

export interface Watched {
  /** Before its descriptor is closed. */
  end(): void
}

export interface WaitingOptions {
  readonly libc: Pick<Libc, 'createPoll' | 'watch' | 'unwatch' | 'wait' | 'loopDescriptor' | 'addressOf'>
  readonly clock: Clock
}

/** So many within so long, ms, are many. */
const many = 4
const burst = 1
/**
 * Nothing for so long, ms, and the event loop waits again; its timers may be late by that, where nothing comes. Not shorter:
 * with 1 ms it was mostly the machine's next timer, and to set that and take it back cost 2 µs, each time.
 */
const patience = 4
/** After so long, ms, it is the event loop's turn as soon as there is nothing, and after twice that anyway. */
const longest = 1

/** Descriptors read before what else has come is waited for again. */
const together = 64

export function createWaiting({ libc, clock }: WaitingOptions): Waiting {
  const poll = libc.createPoll()
  const events = new Uint32Array(together * pollEventWords)
  const address = libc.addressOf(new Uint8Array(events.buffer))
  /** How each descriptor is read; the first one is the event loop's own. */
  const takes = new Slots<() => boolean>()
  let errands: (() => void)[] = []
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

  /** Whatever goes wrong in what it runs is not the end of the waiting: the event loop has its turn, and it goes on. */
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
    if (errands.length === 0) {
      look()
      return
    }
    runErrands()
    // They may have made others: what comes in and the event loop have their turns in between.
    if (clock.monotonic() - began >= 2 * longest) setImmediate(begin)
    else afterPromises(lookOn)
  }

  function runErrands(): void {
    const ready = errands
    errands = []
    let next = 0
    try {
      while (next < ready.length) ready[next++]!()
    } finally {
      if (next < ready.length) errands = [...ready.slice(next), ...errands]
    }
  }

  /** Waits for what comes, and takes it. */
  function look(): void {
    for (;;) {
      const now = clock.monotonic()
      // What the event loop finds it reads in its own way, so its turn is when there is nothing.
      const isTime = now - began >= longest
      const isIdle = !isTime && errands.length === 0
      const ready = libc.wait(poll, address, together, isIdle ? patience : 0)
      waited += clock.monotonic() - now
      if (ready === 0 && isIdle) {
        isOn = false
        return
      }
      const left = takeAll(ready)
      const isLoops = left === 'other' && (ready !== 0 || isTime)
      if (isLoops || now - began >= 2 * longest) break
      if (left === 'promises' || errands.length > 0) {
        afterPromises(waitOn)
        return
      }
    }
    setImmediate(begin)
  }

  /** What is to go on, of what was ready. */
  function takeAll(ready: number): 'nothing' | 'promises' | 'other' {
    let left: 'nothing' | 'promises' | 'other' = 'other'
    for (let i = 0; i < ready; i++) {
      const take = takes.get(events[i * pollEventWords + pollNumberAt]!)
      // One that has ended on the way.
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
      if (at - since > burst) {
        since = at
        count = 0
      }
      if (++count < many) return false
      isOn = true
      setImmediate(begin)
      return true
    },
    soon(run) {
      if (isOn) errands.push(run)
      else setImmediate(run)
    },
    waited: () => waited,
  }
}

const eventLoop = () => false

/** Once all promises that are settled have gone on, and what waits for them, as far as it goes without the event loop. */
function afterPromises(run: () => void): void {
  // Ticks come before promises, but for those that a promise asks for.
  queueMicrotask(() => process.nextTick(run))
}
