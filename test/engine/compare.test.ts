// Docker's own resolver and berth, side by side: every name that exists anywhere, asked of both from inside every
// container. `npm run compare` asks everything; as part of `npm test` each container asks one question in 32, or in 64 where
// today's networks make the estate twice as large.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { bringUpEstate, machineOn, type Resident, residents, takeDownEstate } from './compare/estate.ts'
import { compareAll, compareFrom, describePair, type Judged, leaks } from './compare/run.ts'
import { shareAnswered, tabulate } from './compare/table.ts'
import { isOfToday } from './compare/today.ts'
import { serveOutside } from './compare/upstream.ts'
import { mountResolvConf, nameserver } from './nameserver.ts'

/** See questionsFor. */
async function shareAsked(): Promise<number> {
  if (process.env.BERTH_COMPARE === 'all') return 1
  return (await isOfToday()) ? 64 : 32
}

let unmount: (() => void) | undefined
let outside: { close(): void }
let berth: Berth
let all: Resident[]
let judged: Judged[]

beforeAll(async () => {
  unmount = mountResolvConf()
  outside = await serveOutside()
  await bringUpEstate()
  berth = await startBerth({ listen: ['*:53'], forward: { upstreams: [nameserver] } })
  all = await residents()
  judged = await compareAll(all, await shareAsked())
  const table = tabulate(judged)
  console.log(table)
}, 3_000_000)

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  outside?.close()
  await takeDownEstate()
  unmount?.()
}, 240_000)

it('the estate is as varied as it says: 12 networks, 40 containers', () => {
  expect(
    new Set(all.flatMap(({ places }) => places.map(({ network }) => network))).size,
  ).toBeGreaterThanOrEqual(12)
  expect(all.length).toBeGreaterThanOrEqual(40)
})

it('no answer is different: Docker’s own, or better by a rule', () => {
  const different = judged.filter(({ kind }) => kind === 'different')
  expect(different.slice(0, 200).map(describePair)).toEqual([])
})

it('there were questions enough, and answers', async () => {
  expect(judged.length).toBeGreaterThanOrEqual(5_000)
  // Today's networks are many, and most names are on others than the asker's.
  expect(shareAnswered(judged)).toBeGreaterThanOrEqual((await isOfToday()) ? 0.2 : 0.3)
})

it('nothing that berth said is of a network that the asker is not on', async () => {
  const gateways = (await Promise.all(all.map((each) => machineOn(each)))).flat()
  expect(leaks(judged, all, new Set(gateways))).toEqual([])
})

it('a wrong answer would be found', async () => {
  await berth.stop()
  berth = await startBerth({
    listen: ['*:53'],
    forward: { upstreams: [] },
    hosts: { 'cmp-plain': '192.0.2.250', 'cmp-n1': { addresses: ['192.0.2.251'], networks: ['front'] } },
  })
  const asker = all.find(({ name }) => name === 'cmp-n0')!
  const questions = ['cmp-plain', 'cmp-n1', 'CMP-PLAIN', 'cmp-n2', 'host1.example.org'].map(
    (name) => [name, 'A'] as const,
  )
  const planted = await compareFrom(asker, questions)
  expect(planted.map(({ kind }) => kind)).toEqual([
    'different',
    'different',
    'different',
    'equal',
    'different',
  ])
})
