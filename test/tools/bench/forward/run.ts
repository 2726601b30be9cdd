// What forwarding costs, and what askers feel while upstreams fail: Docker's own resolver, dnsmasq and berth, before the
// same upstreams and from inside the same containers, in one run of some three minutes. Prints a table.
// `npm run bench:forward`
import { execFileSync } from 'node:child_process'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../../../engine/docker.ts'
import { seededRandom } from '../../servers/random.ts'
import { besideEngine } from '../../soak/beside.ts'
import { startWorker } from './calls.ts'
import { type Kind, kinds, network, openScene, type Scene } from './scene.ts'
import { added, failures, milliseconds, spread, tabulate } from './table.ts'
import type { Condition } from './upstream.ts'

await besideEngine('26.1')
if (process.env.BERTH_ENGINE_PRIVATE === undefined) {
  console.error(
    'This needs a private engine: it gives addresses to the machine. As root on Debian there is one.',
  )
  process.exit(1)
}

/** Of the machine itself, so that containers reach them through their gateway (RFC 5737). */
const addresses = {
  one: ['198.51.100.1'],
  first: ['198.51.100.11', '198.51.100.12'],
  both: ['198.51.100.21', '198.51.100.22'],
  lossy: ['198.51.100.31', '198.51.100.32'],
}
const upstream = startWorker('upstream.ts')
const set = (address: string, state: Condition['state'], delay = 0) =>
  upstream.call('set', { address, state, delay } satisfies Condition)
const count = (tag: string) => upstream.call<number>('count', tag)

/** n0-t300.TAG.bench.example … */
const namesOf = (tag: string, count: number, ttl = 300): string[] =>
  Array.from({ length: count }, (_, n) => `n${n}-t${ttl}.${tag}.bench.example`)

const rows: string[][] = []
const each = async <T>(work: (kind: Kind) => Promise<T>): Promise<T[]> => Promise.all(kinds.map(work))

async function measureExchanges(scene: Scene): Promise<void> {
  await set(addresses.one[0]!, 'well', 20)
  const exchanges: string[] = []
  const times: string[] = []
  for (const kind of kinds) {
    const random = seededRandom(1)
    const all = namesOf(`${kind}-many`, 100)
    const names = Array.from({ length: 10_000 }, () => all[Math.floor(random() * all.length)]!)
    const told = await scene.burst({ resolver: scene.resolvers[kind], names, atOnce: 64 })
    exchanges.push(`${await count(`${kind}-many`)}${failures(told)}`)
    times.push(spread(told))
  }
  rows.push([
    'upstream exchanges for 10,000 questions over 100 names, 64 at a time, upstream 20 ms away',
    ...exchanges,
  ])
  rows.push(['their answer times', ...times])
}

async function measureLatency(scene: Scene): Promise<void> {
  await set(addresses.one[0]!, 'well')
  const rounds = 2000
  const direct = { resolver: { host: addresses.one[0]!, port: 53 }, names: namesOf('direct', rounds) }
  const hits = kinds.map((kind) => ({
    resolver: scene.resolvers[kind],
    names: namesOf(`${kind}-many`, 100).flatMap((name) => Array<string>(rounds / 100).fill(name)),
  }))
  const misses = kinds.map((kind) => ({
    resolver: scene.resolvers[kind],
    names: namesOf(`${kind}-miss`, rounds),
  }))
  const told = await scene.turns({ lists: [direct, ...hits, ...misses] })
  // What has not run yet is slow at first.
  const [own, ...others] = told.map((list) => list.slice(rounds / 10))
  rows.push([
    `added to the upstream's own ${spread(own!)} when the answer is kept`,
    ...others.slice(0, kinds.length).map((list) => added(list, own!)),
  ])
  rows.push(['added when it is not', ...others.slice(kinds.length).map((list) => added(list, own!))])
}

async function measureFirstDead(scene: Scene): Promise<void> {
  for (const address of addresses.first) await set(address, 'well')
  await each((kind) => ask(scene, kind, namesOf(`${kind}-warm`, 20)))
  await set(addresses.first[0]!, 'dead')
  const told = await each((kind) => ask(scene, kind, namesOf(`${kind}-first`, 200), 20))
  rows.push([
    'the first of two upstreams has died: the first question',
    ...told.map(([first]) => milliseconds(first!.ms)),
  ])
  rows.push(['the next ones', ...told.map((list) => `${spread(list.slice(1))}${failures(list)}`)])
}

async function measureBothDead(scene: Scene): Promise<void> {
  for (const address of addresses.both) await set(address, 'well')
  const known = (kind: Kind) => namesOf(`${kind}-known`, 10, 1)
  await each((kind) => ask(scene, kind, known(kind)))
  await sleep(2500)
  for (const address of addresses.both) await set(address, 'dead')
  const told = await each(async (kind) => [
    await ask(scene, kind, known(kind), 20),
    await ask(scene, kind, known(kind), 10),
    await ask(scene, kind, namesOf(`${kind}-new`, 3), 15),
  ])
  const row = (what: string, part: number) =>
    rows.push([what, ...told.map((parts) => `${spread(parts[part]!)}${failures(parts[part]!)}`)])
  row('both are dead: names asked before, whose TTL is over', 0)
  row('the same again', 1)
  row('names never asked before', 2)
}

async function measureLossy(scene: Scene): Promise<void> {
  await set(addresses.lossy[1]!, 'well')
  await set(addresses.lossy[0]!, 'well')
  await each((kind) => ask(scene, kind, namesOf(`${kind}-warm`, 20)))
  await set(addresses.lossy[0]!, 'lossy')
  const told = await each((kind) => ask(scene, kind, namesOf(`${kind}-lossy`, 200), 20))
  rows.push([
    'the first of two loses three packets in ten',
    ...told.map((list) => `${spread(list)}${failures(list)}`),
  ])
}

const ask = (scene: Scene, kind: Kind, names: readonly string[], within = 20) =>
  scene.sequence({ resolver: scene.resolvers[kind], names, within })

await docker('network', 'create', network)
for (const address of Object.values(addresses).flat()) {
  execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  await set(address, 'well')
}
const version = execFileSync('dnsmasq', ['--version'], { encoding: 'utf8' }).split(' ')[2]
console.log(`load at the start: ${loadavg().map((load) => load.toFixed(1))}`)
const steps = [
  ['one', [measureExchanges, measureLatency]],
  ['first', [measureFirstDead]],
  ['both', [measureBothDead]],
  ['lossy', [measureLossy]],
] as const
for (const [name, measures] of steps) {
  const scene = await openScene(name, addresses[name], name === 'both' ? ['--use-stale-cache'] : [])
  try {
    for (const measure of measures) await measure(scene)
  } finally {
    await scene.stop()
  }
}
upstream.stop()
await docker('network', 'rm', network)
console.log(tabulate(['median / 99th percentile', 'Docker 26.1', `dnsmasq ${version}`, 'berth'], rows))
console.log(`load at the end: ${loadavg().map((load: number) => load.toFixed(1))}`)
