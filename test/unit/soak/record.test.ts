// What `npm run latency` makes of an engine that tells late.
import { expect, it } from 'vitest'
import type { HeardEvent } from '../../engine/events.ts'
import { changeOf, findLateChanges, sinceHappened, sinceTold, toldRows } from '../../tools/soak/record.ts'
import type { Exchange, Tap } from '../../tools/soak/tap.ts'

const event: HeardEvent = { type: 'container', action: 'rename', id: 'c', attributes: {}, time: 1000 }
const inspect: Exchange = { path: '/containers/c/json', askedAt: 1202, answeredAt: 1204, status: 200 }

/** Tells it 200 ms late, and was asked once. */
const tap = { toldAt: () => 1200, asked: () => [inspect] } as unknown as Tap

it('takes times from the event, and from when it was told', () => {
  const changes = { rename: [changeOf({ event, id: 'c', rightAt: 1206 }, tap)] }
  expect(sinceHappened(changes)).toEqual({ rename: [206] })
  expect(sinceTold(changes)).toEqual({ rename: [6] })
  expect(toldRows(changes, 20)).toEqual([
    '| rename | 20 | 1 | 200.0 | 2.0 | 4.0 | 6.0 | 6.0 | 6.0 | 206.0 | 206.0 | 206.0 |',
  ])
})

it('what is told before it is done counts from when it is done', () => {
  const changes = { connect: [changeOf({ event, id: 'c', rightAt: 1506, doneAt: 1500 }, tap)] }
  expect(sinceTold(changes)).toEqual({ connect: [6] })
})

it('judges what was told: no more than 100 ms in the middle', () => {
  const at = (rightAt: number) => ({ stop: [changeOf({ event, id: 'c', rightAt }, tap)] })
  expect(findLateChanges(at(1300), tap)).toEqual([])
  expect(findLateChanges(at(1301), tap)).toEqual(['stop took 101.0 ms in the middle; 100 are the most'])
  expect(findLateChanges(at(1301), undefined)).toEqual([])
})

it('what was never told was not measured', () => {
  const silent = { toldAt: () => undefined, asked: () => [] } as unknown as Tap
  const changes = { stop: [changeOf({ event, id: 'c', rightAt: 1300 }, silent)] }
  expect(findLateChanges(changes, silent)).toEqual(['stop was not measured'])
  expect(toldRows(changes, 20)[0]).toMatch(/^\| stop \| 20 \| 0 \|/)
})
