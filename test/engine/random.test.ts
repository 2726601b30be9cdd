// Estates at random, Docker's own resolver and berth side by side: berth runs as all of it happens, and no list repairs what
// an event did not tell. Which seeds: BERTH_SEEDS=7,8,9; each prints the commands that made what it found to be different.
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { type Drawn, drawEstate, wires } from './compare/draw.ts'
import { machineOn, type Resident, residents } from './compare/estate.ts'
import { questionsFor } from './compare/questions.ts'
import { judge } from './compare/rules.ts'
import { compareAll, compareFrom, describePair, type Judged, leaks, type Manner } from './compare/run.ts'
import { tabulate } from './compare/table.ts'
import { apiIsAtLeast } from './compare/today.ts'
import { serveOutside } from './compare/upstream.ts'
import { docker, until } from './docker.ts'
import { image } from './image.ts'
import { mountResolvConf, nameserver } from './nameserver.ts'
import { removeContainers, removeNetworks } from './project.ts'

const seeds = (process.env.BERTH_SEEDS ?? '1').split(',').map(Number)
/** See questionsFor. */
const share = Number(process.env.BERTH_SHARE ?? 8)

let unmount: (() => void) | undefined
let outside: { close(): void }
let abilities: Parameters<typeof drawEstate>[1]

beforeAll(async () => {
  unmount = mountResolvConf()
  outside = await serveOutside()
  abilities = { severalAtRun: await apiIsAtLeast(44), today: await apiIsAtLeast(48) }
})

afterAll(() => {
  outside?.close()
  unmount?.()
})

const ip = (...args: string[]) => execFileSync('ip', args)
const wiresOf = ({ networks }: Drawn) =>
  [...networks.values()].flatMap((kind) => [wires[kind] ?? []].filter((wire) => wire.length > 0))

async function bringUp(drawn: Drawn): Promise<void> {
  for (const [parent, end, address] of wiresOf(drawn) as [string, string, string][]) {
    ip('link', 'add', parent, 'type', 'veth', 'peer', 'name', end)
    for (const link of [parent, end]) ip('link', 'set', link, 'up')
    ip('address', 'add', address, 'dev', end, ...(address.includes(':') ? ['nodad'] : []))
  }
  for (const command of drawn.making) await docker(...command)
  await Promise.all(
    drawn.starting.map(async (commands) => {
      for (const command of commands) await docker(...command)
    }),
  )
  for (const command of drawn.living) await docker(...command)
}

async function takeDown(drawn: Drawn): Promise<void> {
  for (const name of drawn.paused) await docker('unpause', name).catch(() => undefined)
  for (const prefix of ['rnd', 'Rnd']) await removeContainers(prefix)
  await removeNetworks(...drawn.networks.keys())
  for (const [parent] of wiresOf(drawn)) ip('link', 'delete', parent!)
}

function mannerOf({ networks }: Drawn): Manner {
  return {
    async servers(resident) {
      const [berth] = await addressesFor(resident, networks)
      return berth === undefined ? undefined : ['127.0.0.11', berth]
    },
    ...{ judge, questionsFor },
  }
}

/** This machine's addresses where the container is. */
const addressesFor = (resident: Pick<Resident, 'places'>, kinds: ReadonlyMap<string, string>) =>
  machineOn(resident, (network) => {
    const kind = kinds.get(network) ?? network
    return { kind, address: wires[kind]?.[2].replace(/\/.*$/, '') }
  })

/** What is different still when it is asked again: what has happened may be known a little later. */
async function stillDifferent(first: readonly Judged[], manner: Manner): Promise<Judged[]> {
  const absent = new Set(first.flatMap(({ asker }) => asker.absent))
  const askers = new Map<Resident, Judged[]>()
  for (const each of first) {
    if (each.kind === 'different') askers.set(each.asker, [...(askers.get(each.asker) ?? []), each])
  }
  const again: Judged[] = []
  for (const [asker, list] of askers) {
    const questions = list.map(({ name, type }) => [name, type] as const)
    again.push(...(await compareFrom(asker, questions, absent, manner)))
  }
  return again.filter(({ kind }) => kind === 'different')
}

it.each(seeds)('of estate %i no answer is different, and none leaks', { timeout: 600_000 }, async (seed) => {
  const drawn = drawEstate(seed, abilities, image)
  let berth: Berth | undefined
  try {
    berth = await startBerth({
      ...{ listen: ['*:53'], docker: { resync: '24h' }, forward: { upstreams: [nameserver] } },
    })
    await bringUp(drawn)
    const all = await residents()
    const manner = mannerOf(drawn)
    for (const resident of all.filter(({ hasResolver }) => hasResolver)) {
      const [, address] = (await manner.servers(resident)) ?? []
      if (address === undefined) continue
      await until(async () => (await compareFrom(resident, [[resident.name, 'MX']], new Set(), manner))[0]!, {
        what: `berth answers ${resident.name} at ${address}`,
        accept: ({ berth }) => berth.rcode === 'NOERROR',
      })
    }
    const judged = await compareAll(all, share, manner)
    console.log(`estate ${seed}: ${[...drawn.networks.values()].join(', ')}\n${tabulate(judged)}`)
    const different = await stillDifferent(judged, manner)
    const commands = [...drawn.making, ...drawn.starting.flat(), ...drawn.living]
    if (different.length > 0) console.log(commands.map((command) => `docker ${command.join(' ')}`).join('\n'))
    expect(different.slice(0, 50).map(describePair)).toEqual([])
    expect(judged.length).toBeGreaterThan(1_000)
    const gateways = await Promise.all(all.map((each) => addressesFor(each, drawn.networks)))
    expect(leaks(judged, all, new Set(gateways.flat()))).toEqual([])
    expect(berth.foundLate()).toEqual([])
    expect(await berth.stop()).toBe(0)
    berth = undefined
  } finally {
    await berth?.stop()
    await takeDown(drawn)
  }
})
