// Podman's own resolver, aardvark-dns, and berth, side by side, as compare.test.ts has it for Docker's.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import type { Resident } from './compare/estate.ts'
import { bringUpEstate, manner, podmanResidents, takeDownEstate } from './compare/podman-estate.ts'
import { judge } from './compare/podman-rules.ts'
import { compareAll, describePair, type Judged, leaks } from './compare/run.ts'
import { shareAnswered, tabulate } from './compare/table.ts'
import { serveOutside } from './compare/upstream.ts'
import { mountResolvConf, nameserver } from './nameserver.ts'
import { gatewayOf } from './project.ts'

const share = process.env.BERTH_COMPARE === 'all' ? 1 : 32
let unmount: (() => void) | undefined
let outside: { close(): void }
let berth: Berth
let all: Resident[]
let judged: Judged[]

beforeAll(async () => {
  unmount = mountResolvConf()
  outside = await serveOutside()
  await bringUpEstate()
  berth = await startBerth({ listen: ['*:1053'], forward: { upstreams: [nameserver] } })
  all = await podmanResidents()
  judged = await compareAll(all, share, { ...manner, judge })
  const table = tabulate(judged)
  console.log(table)
}, 3_000_000)

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  outside?.close()
  await takeDownEstate()
  unmount?.()
}, 240_000)

it('no answer is different: aardvark-dns’s own, or better by a rule', () => {
  const different = judged.filter(({ kind }) => kind === 'different')
  expect(different.slice(0, 200).map(describePair)).toEqual([])
})

it('there were questions enough, and answers', () => {
  expect(judged.length).toBeGreaterThanOrEqual(3_000)
  expect(shareAnswered(judged)).toBeGreaterThanOrEqual(0.3)
})

it('nothing that berth said is of a network that the asker is not on', async () => {
  const gateways = new Set<string>()
  for (const network of new Set(all.flatMap(({ places }) => places.map((place) => place.network)))) {
    const { v4, v6 } = await gatewayOf(network)
    for (const address of [v4, v6]) if (address !== undefined) gateways.add(address)
  }
  expect(leaks(judged, all, gateways)).toEqual([])
})
