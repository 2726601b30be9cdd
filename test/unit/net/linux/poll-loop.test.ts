// Waiting without the event loop: when it begins and ends, who has a turn, and what is never kept waiting.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { pollEventWords, pollNumberAt } from '../../../../src/net/linux/libc.ts'
import { createPollLoop } from '../../../../src/net/linux/poll-loop.ts'
import { createHandClock } from '../../../hand-clock.ts'

const loop = 1000
/** What can't be watched. */
const full = 999

/** A set that finds `ready()` readable; time passes where nothing is, and by `each` ms with every call. */
function createRig(ready: () => readonly number[], each = 0) {
  const hand = createHandClock()
  const asked: { fds: number[]; ms: number }[] = []
  const watched = new Map<number, number>()
  let events: DataView = new DataView(new ArrayBuffer(0))
  const waiting = createPollLoop({
    clock: hand.clock,
    libc: {
      loopDescriptor: loop,
      addressOf(buffer) {
        events = new DataView(buffer.buffer)
        return 1
      },
      createPoll: () => 7,
      watch(_poll, fd, number) {
        if (fd === full) return false
        watched.set(fd, number)
        return true
      },
      unwatch: (_poll, fd) => watched.delete(fd),
      wait(_poll, _address, count, ms) {
        asked.push({ fds: [...watched.keys()], ms })
        const found = ready().filter((fd) => watched.has(fd))
        for (const [i, fd] of found.slice(0, count).entries())
          events.setUint32((i * pollEventWords + pollNumberAt) * 4, watched.get(fd)!, true)
        hand.turn(found.length === 0 ? ms : each)
        return Math.min(count, found.length)
      },
    },
  })
  const start = () => {
    while (!waiting.note(hand.clock.monotonic()));
  }
  return { waiting, asked, start, now: hand.clock.monotonic, pass: hand.turn }
}

/** What `poll` finds, one after the other, then nothing. */
function script(...found: (readonly number[])[]): () => readonly number[] {
  return () => found.shift() ?? []
}

describe('waiting by ourselves', () => {
  it('begins with the fourth datagram in a millisecond', () => {
    const { waiting } = createRig(script())
    const often = [0, 0.1, 0.2, 1.5, 1.6, 1.7, 2.4].map((at) => waiting.note(at))
    expect(often).toEqual([false, false, false, false, false, false, true])
  })

  it('reads what is there, for as long as something comes, and no longer', async () => {
    const { waiting, asked, start } = createRig(script([1], [2, 1], [2]))
    const taken: number[] = []
    for (const fd of [1, 2]) {
      waiting.add(fd, () => {
        taken.push(fd)
        return true
      })
    }
    start()
    await turn()
    expect(taken.sort()).toEqual([1, 1, 2, 2])
    expect(asked.map(({ fds }) => fds)).toEqual(Array(4).fill([loop, 1, 2]))
    await turn()
    expect(asked).toHaveLength(4)
    // The last one waited for all its patience in vain.
    expect(waiting.waited()).toBe(4)
  })

  it('leaves the event loop its turn as soon as it has something to do', async () => {
    const { waiting, asked, start } = createRig(script([loop, 1], [loop], [1]))
    waiting.add(1, () => true)
    start()
    await turn()
    expect(asked).toHaveLength(2)
    await turn()
    expect(asked).toHaveLength(4)
  })

  it('leaves it its turn after a millisecond of quiet work, and after two of any', async () => {
    const pauses = createRig(script([1], [1], [1], [1], [], [1]), 0.3)
    pauses.waiting.add(1, () => true)
    pauses.start()
    await turn()
    expect(pauses.asked.map(({ ms }) => ms)).toEqual([4, 4, 4, 4, 0])
    const busy = createRig(() => [1], 0.3)
    busy.waiting.add(1, () => true)
    busy.start()
    await turn()
    expect(busy.now()).toBeLessThan(2.5)
    await turn()
    expect(busy.now()).toBeGreaterThan(2.5)
  })

  it('goes on with promises before it waits again', async () => {
    const said: string[] = []
    const { waiting, start } = createRig(() => {
      said.push('poll')
      return said.length < 3 ? [1] : []
    })
    waiting.add(1, () => {
      void Promise.resolve()
        .then(() => {})
        .then(() => said.push('promise'))
      return false
    })
    start()
    await turn()
    expect(said.slice(0, 3)).toEqual(['poll', 'promise', 'poll'])
  })

  it('runs what is to come soon before it waits again, and by the event loop where it does not wait', async () => {
    const said: string[] = []
    const { waiting, start } = createRig(() => {
      said.push('poll')
      return said.length < 2 ? [1] : []
    })
    waiting.add(1, () => {
      waiting.soon(() => said.push('soon'))
      return true
    })
    start()
    await turn()
    expect(said).toEqual(['poll', 'soon', 'poll'])
    waiting.soon(() => said.push('later'))
    expect(said).toHaveLength(3)
    await turn()
    expect(said.at(-1)).toBe('later')
  })

  it('leaves what comes and the event loop their turns between errands that make others', async () => {
    let work = 0
    let reads = 0
    // Each takes a third of a millisecond, and the looks between take nothing.
    const rig = createRig(() => (reads++ === 0 ? [1] : []))
    const { waiting, start } = rig
    const errand = () => {
      rig.pass(0.3)
      if (++work < 1000) waiting.soon(errand)
    }
    waiting.add(1, () => {
      waiting.soon(errand)
      return true
    })
    start()
    await turn()
    expect(work).toBeGreaterThan(3)
    expect(work).toBeLessThan(10)
    expect(reads).toBeGreaterThan(work)
    const before = work
    await turn()
    expect(work).toBeGreaterThan(before + 3)
    expect(work).toBeLessThan(before + 10)
  })

  it('goes on after a mistake in what it runs, which loses nothing else', async () => {
    const said: string[] = []
    const mistakes: unknown[] = []
    const note = (error: unknown) => mistakes.push(error)
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', note)
    try {
      const { waiting, start } = createRig(script([1], [1]))
      let takes = 0
      waiting.add(1, () => {
        if (++takes === 1) throw new Error('in a take')
        waiting.soon(() => {
          throw new Error('in an errand')
        })
        waiting.soon(() => said.push('the next errand'))
        return true
      })
      start()
      for (let i = 0; i < 6; i++) await turn()
      waiting.soon(() => said.push('later'))
      await turn()
    } finally {
      process.off('uncaughtException', note)
      for (const other of others) process.on('uncaughtException', other)
    }
    expect(mistakes.map(String)).toEqual(['Error: in a take', 'Error: in an errand'])
    expect(said).toEqual(['the next errand', 'later'])
  })

  it('forgets descriptors that end, also while it reads, and holds any number', async () => {
    const all = Array.from({ length: 300 }, (_, i) => i + 1)
    let left = 12
    const { waiting, asked, start } = createRig(() => (left-- > 0 ? all.slice((left % 6) * 50) : []))
    const taken: number[] = []
    const watched = all.map((fd) =>
      waiting.add(fd, () => {
        taken.push(fd)
        if (fd % 2 === 0) watched[fd - 1]!.end()
        return true
      }),
    )
    watched[0]!.end()
    watched[0]!.end()
    start()
    await turn()
    expect(asked[0]!.fds.sort((a, b) => a - b)).toEqual([...all.slice(1), loop])
    const odd = all.filter((fd) => fd % 2 === 1 && fd > 1)
    expect(asked.at(-1)!.fds.sort((a, b) => a - b)).toEqual([...odd, loop])
    // Nobody else is read in the place of one that has ended, and that one no more.
    expect(new Set(taken)).toEqual(new Set(all.slice(1)))
    for (const fd of all.filter((each) => each % 2 === 0)) {
      expect(taken.filter((each) => each === fd)).toHaveLength(1)
    }
  })

  it('leaves to the event loop what it has no room for', async () => {
    const { waiting, asked, start } = createRig(script([1]))
    waiting.add(full, () => expect.unreachable()).end()
    waiting.add(1, () => true)
    start()
    await turn()
    expect(asked[0]!.fds).toEqual([loop, 1])
  })
})
