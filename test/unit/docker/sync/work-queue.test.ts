// How long a full list waits for the inspects that it asks for, and when an id is looked at again.
import { describe, expect, it } from 'vitest'
import { createWorkQueue, type WorkQueue } from '../../../../src/docker/sync/work-queue.ts'
import { createHandClock } from '../../../hand-clock.ts'

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** Looks end when they are told to. */
function open(concurrencyPerId = 1) {
  const hand = createHandClock()
  const looks = new Map<string, () => void>()
  const begun: { id: string; resolve(): void; reject(error: Error): void }[] = []
  const dirty = createWorkQueue({
    run: (id) =>
      new Promise((resolve, reject) => {
        looks.set(id, resolve)
        begun.push({ id, resolve, reject })
      }),
    ...{
      failed: () => {},
      concurrency: 2,
      concurrencyPerId,
      debounce: 1,
      clock: hand.clock,
      random: () => 0,
    },
  })
  const turn = async (ms: number) => {
    hand.turn(ms)
    await settle()
  }
  const come = async (id: string) => {
    looks.get(id)!()
    await settle()
  }
  return { dirty, turn, come, looks, begun, pending: hand.pending }
}

async function watch(dirty: WorkQueue, ids: readonly string[]) {
  const told = { isSettled: false }
  void dirty.settled(ids, 100, 1000).then(() => {
    told.isSettled = true
  })
  await settle()
  return told
}

describe('settled', () => {
  const ids = Array.from({ length: 20 }, (_, i) => `id-${i}`)

  it('waits for all of them as long as some come, however long that takes', async () => {
    const { dirty, turn, come, pending } = open()
    for (const id of ids) dirty.add(id)
    dirty.resume()
    await turn(1)
    const told = await watch(dirty, ids)
    for (const id of ids) {
      expect(told.isSettled).toBe(false)
      await turn(40)
      await come(id)
    }
    expect(told.isSettled).toBe(true)
    expect(pending()).toBe(0)
  })

  it('does not wait for those that block once no others come', async () => {
    const { dirty, turn, come } = open()
    for (const id of ids.slice(0, 3)) dirty.add(id)
    dirty.resume()
    await turn(1)
    const told = await watch(dirty, ids)
    await turn(60)
    await come('id-1')
    await come('id-2')
    await turn(99)
    expect(told.isSettled).toBe(false)
    await turn(1)
    expect(told.isSettled).toBe(true)
  })

  it('has a limit in all', async () => {
    const { dirty, turn, come } = open()
    for (const id of ids) dirty.add(id)
    dirty.resume()
    await turn(1)
    const told = await watch(dirty, ids)
    for (const id of ids.slice(0, 11)) {
      await turn(90)
      await come(id)
    }
    expect(told.isSettled).toBe(false)
    await turn(10)
    expect(told.isSettled).toBe(true)
  })

  it('does not wait while held, for what is not marked, or for what is forgotten', async () => {
    const { dirty, turn } = open()
    dirty.add('id-0')
    expect(await watch(dirty, ids)).toEqual({ isSettled: true })
    dirty.resume()
    await turn(1)
    expect(await watch(dirty, ['id-1'])).toEqual({ isSettled: true })
    const told = await watch(dirty, ids)
    dirty.remove('id-0')
    await settle()
    expect(told.isSettled).toBe(true)
    dirty.add('id-0')
    await turn(1)
    const held = await watch(dirty, ids)
    expect(held.isSettled).toBe(false)
    dirty.pause()
    await settle()
    expect(held.isSettled).toBe(true)
  })
})

describe('an id that is marked while it is looked at', () => {
  it('is looked at again after that', async () => {
    const { dirty, come, begun } = open()
    dirty.resume()
    dirty.add('id', { urgent: true })
    dirty.add('id', { urgent: true })
    expect(begun).toHaveLength(1)
    await come('id')
    expect(begun).toHaveLength(2)
    await come('id')
    expect(dirty.has('id')).toBe(false)
    expect(begun).toHaveLength(2)
  })

  it('or beside that, once, where two may be under way; the later one is what counts', async () => {
    const { dirty, begun } = open(2)
    dirty.resume()
    for (let i = 0; i < 3; i++) dirty.add('id', { urgent: true })
    expect(begun).toHaveLength(2)
    begun[0]!.resolve()
    await settle()
    // The third mark came after both.
    expect(begun).toHaveLength(3)
    begun[2]!.resolve()
    await settle()
    expect(dirty.has('id')).toBe(false)
    begun[1]!.resolve()
    await settle()
    dirty.add('id', { urgent: true })
    expect(begun).toHaveLength(4)
  })

  it('is not looked at a second time without another mark', async () => {
    const { dirty, turn, begun } = open(2)
    dirty.resume()
    dirty.add('id', { urgent: true })
    dirty.add('other', { urgent: true })
    begun[1]!.resolve()
    await turn(100)
    expect(begun).toHaveLength(2)
  })

  it('needs no further look where one of two has failed and the later one has not', async () => {
    const { dirty, turn, begun, pending } = open(2)
    dirty.resume()
    dirty.add('id', { urgent: true })
    dirty.add('id', { urgent: true })
    begun[0]!.reject(new Error('cut'))
    await settle()
    begun[1]!.resolve()
    await settle()
    expect(dirty.has('id')).toBe(false)
    await turn(60_000)
    expect(begun).toHaveLength(2)
    expect(pending()).toBe(0)
  })

  it('is looked at again soon where the later look has failed and the one before it hangs', async () => {
    const { dirty, turn, begun } = open(2)
    dirty.resume()
    dirty.add('id', { urgent: true })
    dirty.add('id', { urgent: true })
    begun[1]!.reject(new Error('cut'))
    await settle()
    await turn(0)
    expect(begun).toHaveLength(3)
    begun[2]!.resolve()
    await settle()
    expect(dirty.has('id')).toBe(false)
  })

  it('is looked at again at once where the look before has failed and another one has not', async () => {
    const { dirty, begun } = open(2)
    dirty.resume()
    dirty.add('id', { urgent: true })
    dirty.add('id', { urgent: true })
    begun[0]!.reject(new Error('cut'))
    await settle()
    dirty.add('id', { urgent: true })
    expect(begun).toHaveLength(2)
    begun[1]!.resolve()
    await settle()
    expect(begun).toHaveLength(3)
  })

  it('does not keep others waiting by being marked again and again', async () => {
    const { dirty, begun } = open(2)
    dirty.resume()
    dirty.add('busy', { urgent: true })
    dirty.add('busy', { urgent: true })
    dirty.add('other', { urgent: true })
    dirty.add('busy', { urgent: true })
    begun[0]!.resolve()
    await settle()
    expect(begun.map(({ id }) => id)).toEqual(['busy', 'busy', 'other'])
  })
})
