// One worker's place: what it says to a process, and what it does when that falls silent or dies.
import { describe, expect, it } from 'vitest'
import type { FromWorker, ToWorker } from '../../../src/workers/messages.ts'
import { createSupervisor, type Fork } from '../../../src/workers/supervisor.ts'
import { createHandClock } from '../../hand-clock.ts'
import { recordingLogger } from '../forward/recording-logger.ts'

function supervised() {
  const hand = createHandClock()
  const { clock } = hand
  const { log, lines } = recordingLogger()
  const children: {
    said: ToWorker[]
    isKilled: boolean
    say: (message: FromWorker) => void
    die: (why?: string) => void
  }[] = []
  const deaths: unknown[] = []
  const heard: FromWorker[] = []
  const fork: Fork = ({ onMessage, onEnd }) => {
    const child = {
      said: [] as ToWorker[],
      isKilled: false,
      say: onMessage,
      die: (why = 'it ended with 1') => onEnd(why),
    }
    children.push(child)
    return {
      pid: 100 + children.length,
      send: (message) => void child.said.push(message),
      kill() {
        child.isKilled = true
        onEnd('it was ended by SIGKILL')
      },
    }
  }
  let beginnings = 0
  const supervisor = createSupervisor({
    ...{ worker: 2, fork, log, clock, random: () => 1 },
    initialState: () => ({ told: [], listen: [{ host: '127.0.0.1', port: ++beginnings }] }) as never,
    onMessage: (message) => heard.push(message),
    onDeath: (tally) => deaths.push(tally),
  })
  return {
    ...{ ...hand, lines, children, deaths, heard, supervisor },
    last: () => children.at(-1)!,
  }
}

const kinds = (messages: readonly ToWorker[]) => messages.map(({ kind }) => kind)
const tally = new Map([['x', []]])
/** Answers the latest question. */
function answer({ said, say }: { said: ToWorker[]; say: (message: FromWorker) => void }, counted = tally) {
  const asked = said.findLast((message) => 'id' in message)!
  say({ kind: 'done', id: (asked as { id: number }).id, tally: counted })
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol()
  for (let i = 0; i < 5; i++) await Promise.resolve()
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

describe('a worker', () => {
  it('begins with how things are, and is there once it says so', async () => {
    const { supervisor, last } = supervised()
    const started = supervisor.start()
    expect(last().said).toMatchObject([{ kind: 'start', worker: 2, listen: [{ port: 1 }] }])
    expect([supervisor.isReady(), await isSettled(started)]).toEqual([false, false])
    last().say({ kind: 'ready' })
    expect([supervisor.isReady(), await isSettled(started)]).toEqual([true, true])
  })

  it('that dies is replaced by one that begins with how things are then', async () => {
    const { supervisor, last, children, lines, deaths, turn } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    turn(1000)
    answer(last())
    expect(supervisor.tally()).toBe(tally)
    last().die('it was ended by SIGSEGV')
    expect(supervisor.isReady()).toBe(false)
    expect(deaths).toEqual([tally])
    expect(supervisor.tally()).toBeUndefined()
    expect(lines).toMatchObject([{ level: 'error', worker: 2, pid: 101, why: 'it was ended by SIGSEGV' }])
    turn(199)
    expect(children).toHaveLength(1)
    turn(1)
    expect(last().said).toMatchObject([{ kind: 'start', listen: [{ port: 2 }] }])
    last().say({ kind: 'ready' })
    expect(supervisor.isReady()).toBe(true)
  })

  it('that can not begin keeps nobody waiting, and is tried ever more rarely', async () => {
    const { supervisor, last, children, turn } = supervised()
    const started = supervisor.start()
    last().die()
    expect(await isSettled(started)).toBe(true)
    const waits = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
    for (const wait of waits) {
      turn(wait - 1)
      const before = children.length
      turn(1)
      expect(children).toHaveLength(before + 1)
      last().die()
    }
  })

  it('that has lived is replaced at once again', () => {
    const { supervisor, last, turn, children } = supervised()
    void supervisor.start()
    last().die()
    turn(200)
    last().say({ kind: 'ready' })
    for (let s = 0; s < 11; s++) {
      turn(1000)
      answer(last())
    }
    last().die()
    turn(200)
    expect(children).toHaveLength(3)
  })

  it.each([
    ['has answered questions', true, 10],
    ['is only starting', false, 60],
  ])('that is silent is ended and replaced: %s', (_, isReady, seconds) => {
    const { supervisor, last, children, lines, turn } = supervised()
    void supervisor.start()
    if (isReady) last().say({ kind: 'ready' })
    for (let s = 0; s < seconds; s++) turn(1000)
    expect(last().isKilled).toBe(false)
    turn(1000)
    expect(children[0]!.isKilled).toBe(true)
    expect(lines).toMatchObject([{ why: `no response for ${seconds} s` }])
    turn(200)
    expect(children).toHaveLength(2)
  })

  it('is not ended for what we had no time to hear', () => {
    const { supervisor, last, turn, stall } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    turn(1000)
    stall(60_000)
    turn(1000)
    expect(last().isKilled).toBe(false)
  })

  it('that answers when it is asked is left alone, and asked once a second', () => {
    const { supervisor, last, turn } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    for (let s = 0; s < 100; s++) {
      turn(1000)
      answer(last())
    }
    expect(last().isKilled).toBe(false)
    expect(kinds(last().said).filter((kind) => kind === 'count')).toHaveLength(100)
  })
})

describe('what is asked of it', () => {
  it('is done when it says so', async () => {
    const { supervisor, last } = supervised()
    void supervisor.start()
    const one = supervisor.call({ kind: 'listen', listen: [] }, 1000)
    const other = supervisor.call({ kind: 'count' }, 1000)
    answer(last())
    expect([await isSettled(one), await isSettled(other)]).toEqual([false, true])
  })

  it('takes no longer than it may, and what comes late still counts', async () => {
    const { supervisor, last, turn } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    const asked = supervisor.call({ kind: 'count' }, 1000)
    const { said } = last()
    const { id } = said.at(-1) as { id: number }
    turn(999)
    expect(await isSettled(asked)).toBe(false)
    turn(1)
    expect(await isSettled(asked)).toBe(true)
    last().say({ kind: 'done', id, tally })
    expect(supervisor.tally()).toBe(tally)
  })

  it('ends with it, and is nothing where nobody is', async () => {
    const { supervisor, last } = supervised()
    void supervisor.start()
    const asked = supervisor.call({ kind: 'configure', config: {} as never, parts: 0 }, 1000)
    last().die()
    expect(await isSettled(asked)).toBe(true)
    expect(await isSettled(supervisor.call({ kind: 'count' }, 1000))).toBe(true)
    supervisor.tell({ kind: 'fills', fills: [] })
    expect(kinds(last().said)).toEqual(['start', 'configure'])
  })

  it('comes to its answer, or to why there is none', async () => {
    const { supervisor, last, turn } = supervised()
    const ask = () => supervisor.call({ kind: 'flush', flush: { number: 1, names: undefined } }, 1000)
    expect(await ask()).toBe('gone')
    void supervisor.start()
    const early = ask()
    turn(1000)
    // Who has not begun to answer has nothing to forget, and does what it was told before it begins.
    expect(await early).toBe('gone')
    last().say({ kind: 'ready' })
    const answered = ask()
    const { id } = last().said.at(-1) as { id: number }
    last().say({ kind: 'done', id, tally, flushed: { answers: 2, failures: 1 } })
    expect(await answered).toMatchObject({ flushed: { answers: 2, failures: 1 } })
    const late = ask()
    turn(1000)
    expect(await late).toBe('silent')
    const unheard = ask()
    last().die()
    expect(await unheard).toBe('gone')
  })
})

describe('when it is to stop', () => {
  it('it is told, and not replaced', async () => {
    const { supervisor, last, children, turn, lines } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    const stopped = supervisor.stop()
    expect(kinds(last().said).at(-1)).toBe('stop')
    expect(await isSettled(stopped)).toBe(false)
    last().die('it ended with 0')
    expect(await isSettled(stopped)).toBe(true)
    turn(60_000)
    expect(children).toHaveLength(1)
    expect(lines).toEqual([])
  })

  it('it has its time, and no more', async () => {
    const { supervisor, last, turn } = supervised()
    void supervisor.start()
    last().say({ kind: 'ready' })
    const stopped = supervisor.stop()
    turn(1999)
    expect(last().isKilled).toBe(false)
    turn(1)
    expect(last().isKilled).toBe(true)
    expect(await isSettled(stopped)).toBe(true)
  })

  it('one that only starts is ended at once', async () => {
    const { supervisor, last, lines } = supervised()
    void supervisor.start()
    const stopped = supervisor.stop()
    expect(last().isKilled).toBe(true)
    expect(await isSettled(stopped)).toBe(true)
    expect(lines).toEqual([])
  })

  it('there may be nobody, and nobody comes', async () => {
    const { supervisor, last, children, turn } = supervised()
    void supervisor.start()
    last().die()
    expect(await isSettled(supervisor.stop())).toBe(true)
    turn(60_000)
    expect(children).toHaveLength(1)
  })
})
