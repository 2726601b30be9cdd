// How long a full list waits for the inspects that it asks for.
import { describe, expect, it } from 'vitest'
import { createDirtySet, type DirtySet } from '../../../src/docker/dirty.ts'
import { createHandClock } from '../hand-clock.ts'

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** Looks end when they are told to. */
function open() {
  const hand = createHandClock()
  const looks = new Map<string, () => void>()
  const dirty = createDirtySet({
    look: (id) => new Promise((resolve) => looks.set(id, resolve)),
    ...{ failed: () => {}, atOnce: 2, debounce: 1, clock: hand.clock, random: () => 0 },
  })
  const turn = async (ms: number) => {
    hand.turn(ms)
    await settle()
  }
  const come = async (id: string) => {
    looks.get(id)!()
    await settle()
  }
  return { dirty, turn, come, looks, pending: hand.pending }
}

async function watch(dirty: DirtySet, ids: readonly string[]) {
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
    for (const id of ids) dirty.mark(id)
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
    for (const id of ids.slice(0, 3)) dirty.mark(id)
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
    for (const id of ids) dirty.mark(id)
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
    dirty.mark('id-0')
    expect(await watch(dirty, ids)).toEqual({ isSettled: true })
    dirty.resume()
    await turn(1)
    expect(await watch(dirty, ['id-1'])).toEqual({ isSettled: true })
    const told = await watch(dirty, ids)
    dirty.forget('id-0')
    await settle()
    expect(told.isSettled).toBe(true)
    dirty.mark('id-0')
    await turn(1)
    const held = await watch(dirty, ids)
    expect(held.isSettled).toBe(false)
    dirty.hold()
    await settle()
    expect(held.isSettled).toBe(true)
  })
})
