// Real stubs in real containers, both ways in: what resolves while berth is there, and while it is not. Prints how
// long each lookup took, as the table of docs/containers.md.
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addressesOf, digFrom, docker, until } from './docker.ts'
import { name as berthImage, ensureBerthImage, gatewayOfBridge } from './image/build.ts'
import { removeNetworks } from './project.ts'
import { buildStubs, type Library, type Lookup, libraries, lookUp, stubImage } from './stubs/stubs.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const run = promisify(execFile)
const network = 'stubs'
const berthAddress = '172.31.55.2'
/** Containers by their way in. */
const ways = { 'dns:': 'stubs-dns', 'resolv.conf': 'stubs-file' } as const
type Way = keyof typeof ways
const kinds = { own: 'stubs-dns', zone: 'stubs-dns.docker.internal', foreign: 'www.example.org' } as const

interface Row {
  readonly state: string
  readonly way: Way
  readonly library: Library
  readonly lookups: Record<keyof typeof kinds, Lookup>
}

const rows: Row[] = []
let upstream: RecordingUpstream
let folder: string

async function startTheBerth(): Promise<void> {
  const socket = process.env.DOCKER_HOST!.replace(/^unix:\/\//, '')
  const group = (await run('stat', ['--format', '%g', socket])).stdout.trim()
  const options = ['--volume', `${socket}:/var/run/docker.sock`, '--group-add', group]
  // Without a cache, so that it is told what an answer takes, not what a second one does.
  options.push(
    '--env',
    `BERTH_FORWARD_UPSTREAMS=${await gatewayOfBridge()}:${upstream.port}`,
    '--env',
    'BERTH_CACHE_ENTRIES=0',
  )
  const place = ['--name', 'stubs-berth', '--network', network, '--ip', berthAddress]
  await docker('run', '--detach', ...place, ...options, berthImage)
}

const answers = () =>
  until(() => digFrom('stubs-dns', { server: berthAddress, name: kinds.zone }), {
    what: 'berth has read the engine',
    deadlineMs: 60_000,
    accept: ({ rcode }) => rcode === 'NOERROR',
  })

const all = (Object.keys(ways) as Way[]).flatMap((way) =>
  (Object.keys(libraries) as Library[]).map((library) => ({ way, library })),
)

/** Both stubs, both ways, and all names at the same time: each lookup may wait for long. */
async function lookAround(state: string): Promise<Row[]> {
  const found = await Promise.all(
    all.map(async ({ way, library }): Promise<Row> => {
      const look = async (name: string) => (await lookUp(ways[way], library, [name])).get(name)!
      const [own, zone, foreign] = await Promise.all([look(kinds.own), look(kinds.zone), look(kinds.foreign)])
      return { state, way, library, lookups: { own, zone, foreign } }
    }),
  )
  rows.push(...found)
  return found
}

beforeAll(async () => {
  await Promise.all([ensureBerthImage(), buildStubs()])
  folder = mkdtempSync(join(tmpdir(), 'berth-stubs-'))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${berthAddress}\noptions ndots:0\n`)
  const searching = `nameserver ${berthAddress}\nsearch ${network} docker.internal\noptions ndots:5\n`
  writeFileSync(join(folder, 'searching.conf'), searching)
  upstream = await startUpstream({ 'example.com': '192.0.2.80' }, 0, await gatewayOfBridge())
  await docker('network', 'create', '--subnet', '172.31.55.0/24', '--ip-range', '172.31.55.128/25', network)
  await startTheBerth()
  const start = (name: string, ...args: string[]) =>
    docker('run', '--detach', '--name', name, '--network', network, ...args, stubImage)
  await start('stubs-dns', '--dns', berthAddress)
  await start('stubs-file', '--volume', `${folder}/resolv.conf:/etc/resolv.conf:ro`)
  await start('stubs-search', '--volume', `${folder}/searching.conf:/etc/resolv.conf:ro`)
  await start(
    'stubs-stand-in',
    ...['api.example.com', 'a.b.wild.test'].flatMap((alias) => ['--network-alias', alias]),
  )
  await answers()
}, 240_000)

afterAll(async () => {
  console.log(table())
  await docker('rm', '--force', 'stubs-berth', 'stubs-dns', 'stubs-file', 'stubs-search', 'stubs-stand-in')
  await removeNetworks(network)
  rmSync(folder, { recursive: true, force: true })
  upstream?.close()
})

function table(): string {
  const cell = ({ ms, result }: Lookup) => `${result === 'ok' ? '' : `${result}, `}${duration(ms)}`
  const lines = rows.map(
    ({ state, way, library, lookups: { own, zone, foreign } }) =>
      `| ${state} | \`${way}\` | ${library} | ${cell(own)} | ${cell(zone)} | ${cell(foreign)} |`,
  )
  return [
    '| berth | way in | stub | own network | zone | foreign |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

const duration = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

it('everything resolves while berth is up', async () => {
  const found = await lookAround('up')
  for (const { lookups } of found) for (const { result } of Object.values(lookups)) expect(result).toBe('ok')
})

it.each(Object.keys(libraries) as Library[])(
  'a search through the network and the zone goes on past what lies above a neighbour’s alias (%s)',
  async (library) => {
    const standIn = (await addressesOf('stubs-stand-in'))[network]!.v4!
    const names = ['example.com', 'api.example.com', 'stubs-stand-in', 'wild.test', 'stubs-nobody']
    const found = await lookUp('stubs-search', library, names)
    const told = names.map((name) => [name, found.get(name)!.result, ...found.get(name)!.addresses])
    expect(told).toEqual([
      ['example.com', 'ok', '192.0.2.80'],
      ['api.example.com', 'ok', standIn],
      ['stubs-stand-in', 'ok', standIn],
      ['wild.test', 'NONAME'],
      ['stubs-nobody', 'NONAME'],
    ])
    expect(upstream.saw('example.com')).toBe(true)
    for (const name of [`example.com.${network}`, 'example.com.docker.internal', 'stubs-stand-in']) {
      expect(upstream.saw(name), name).toBe(false)
    }
  },
)

/** Ends it in some way, looks, and starts it again. */
type Absence = [state: string, end: () => Promise<unknown>, again: () => Promise<unknown>]
const start = () => docker('start', 'stubs-berth')
const killed: Absence = ['killed', () => docker('kill', '--signal', 'KILL', 'stubs-berth'), start]
const absences: Absence[] =
  process.env.BERTH_STUBS === 'all'
    ? [
        ['stopped', () => docker('stop', 'stubs-berth'), start],
        killed,
        // A process that neither answers nor lets its address go: the longest waits there are.
        ['paused', () => docker('pause', 'stubs-berth'), () => docker('unpause', 'stubs-berth')],
      ]
    : [killed]

it.each(absences)(
  'with dns: the own network resolves while berth is %s, and everything after',
  async (state, end, again) => {
    await end()
    const found = await lookAround(state)
    for (const { way, lookups } of found) {
      expect(lookups.own.result, `${way} own`).toBe(way === 'dns:' ? 'ok' : 'AGAIN')
      expect(lookups.zone.result, `${way} zone`).toBe('AGAIN')
      expect(lookups.foreign.result, `${way} foreign`).toBe('AGAIN')
    }
    await again()
    await answers()
    for (const { way, library } of all) {
      for (const { name, result } of (await lookUp(ways[way], library, Object.values(kinds))).values()) {
        expect(result, `${way} ${library} ${name}`).toBe('ok')
      }
    }
  },
)
