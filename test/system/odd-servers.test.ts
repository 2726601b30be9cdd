// What programs get from odd servers: glibc's and musl's own lookups, from the server itself and by way of berth. Prints
// the table of docs/forwarding.md.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Library, libraries } from '../engine/stubs/stubs.ts'
import { createNamespace, isRoot, type Namespace } from '../tools/net/namespace.ts'
import { type Serving, serve } from './serve.ts'

const run = promisify(execFile)
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
/** What each server is, and after it who is asked, in this order. */
const kinds = [
  'drops-opt',
  'drops-ad',
  'formerr-opt',
  'formerr-ad',
  'notimp-opt',
  'servfail-opt',
  'refused-opt',
  'upward',
  'good',
]
const addressOf = (kind: string) => `127.0.1.${kinds.indexOf(kind) + 1}`
const cases: readonly (readonly string[])[] = [...kinds.map((kind) => [kind]), ['upward', 'good']]
const berthAddress = '127.0.0.1'
const zoneOf = (servers: readonly string[]) => `${servers.join('-then-')}.example`

let place: Namespace
let servers: ChildProcess
let berth: Serving
let folder: string

/** "ok 12 ms", as a program gets it whose resolv.conf has these servers. */
async function lookUp(library: Library, nameservers: readonly string[], name: string): Promise<string> {
  const file = join(folder, `resolv-${nameservers.join('-')}`)
  writeFileSync(file, nameservers.map((address) => `nameserver ${address}\n`).join(''))
  const mounts = [`mount --bind ${file} /etc/resolv.conf`]
  if (existsSync('/etc/nsswitch.conf')) mounts.push(`mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf`)
  const words = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `${mounts.join(' && ')} && exec ${folder}/${library} ${name}`,
  ]
  const { stdout } = await run(place.entry[0]!, [...place.entry.slice(1), ...words])
  const [, ms = '', result = ''] = stdout.trim().split(' ')
  return `${result} ${Number(ms) < 1000 ? `${Math.ceil(Number(ms))} ms` : `${(Number(ms) / 1000).toFixed(1)} s`}`
}

describe.runIf(isRoot)('by way of berth glibc and musl find what a server has that', () => {
  const rows: string[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'berth-odd-'))
    writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n')
    for (const [library, compiler] of Object.entries(libraries)) {
      const fixed = library === 'musl' ? ['-static'] : []
      await run(compiler, ['-Os', ...fixed, '-o', join(folder, library), here('../engine/stubs/lookup.c')])
    }
    place = await createNamespace()
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const script = [process.execPath, '--import', tsx, here('../tools/net/odd-servers.ts')]
    const words = [...place.entry, ...script, ...kinds.map((kind) => `${addressOf(kind)}=${kind}`)]
    servers = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(servers.stdout!, 'data')
    const zones = Object.fromEntries(cases.map((names) => [zoneOf(names), names.map(addressOf)]))
    berth = serve(
      {
        ...{ listen: [`${berthAddress}:53`], http: false, docker: { engines: [] } },
        forward: { upstreams: [], zones },
      },
      { within: place.entry },
    )
    await berth.logged('ready')
  }, 60_000)

  afterAll(async () => {
    console.log(
      ['| servers | stub | from them | by berth | again |', '|---|---|---|---|---|', ...rows].join('\n'),
    )
    berth?.child.kill('SIGTERM')
    await berth?.exited
    servers?.kill('SIGKILL')
    place?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const all = cases.flatMap((names) =>
    (Object.keys(libraries) as Library[]).map((library) => ({ names, library })),
  )

  it.each(all)(
    '$names: $library',
    async ({ names, library }) => {
      const zone = zoneOf(names)
      const direct = await lookUp(library, names.map(addressOf), `direct-${library}.${zone}`)
      const first = await lookUp(library, [berthAddress], `first-${library}.${zone}`)
      const again = await lookUp(library, [berthAddress], `again-${library}.${zone}`)
      rows.push(`| ${names.join(', ')} | ${library} | ${direct} | ${first} | ${again} |`)
      const expected = names.at(-1) === 'upward' ? 'AGAIN' : 'ok'
      expect([first, again].map((told) => told.split(' ')[0])).toEqual([expected, expected])
    },
    60_000,
  )
})
