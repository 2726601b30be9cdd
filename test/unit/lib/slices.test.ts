// Long work in slices.
import { expect, it } from 'vitest'
import { inSlices } from '../../../src/lib/slices.ts'

it('takes every item in order, and lets others have their turn between', async () => {
  let turns = 0
  let isDone = false
  const turn = () => {
    turns++
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const seen: number[] = []
  let most = 0
  let since = 0
  let before = 0
  await inSlices(
    Array.from({ length: 10_000 }, (_, i) => i),
    (item) => {
      since = turns === before ? since + 1 : 1
      before = turns
      most = Math.max(most, since)
      seen.push(item)
    },
  )
  isDone = true
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect(most).toBeLessThanOrEqual(500)
})

it('takes a few at once', async () => {
  const seen: number[] = []
  const done = inSlices([1, 2, 3], (item) => seen.push(item))
  expect(seen).toEqual([1, 2, 3])
  await done
})
