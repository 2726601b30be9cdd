// Whoever asks in real life: glibc, musl, c-ares, dig and kdig, in containers, with search lists and ndots.
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decode } from 'dns-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { docker, onNetworkOf } from './docker.ts'
import { privateEngine } from './engine.ts'
import { bringUp, gatewayOf, members, removeContainers, takeDown } from './project.ts'
import { buildStubs, type Library, libraries, lookUp, stubImage } from './stubs/stubs.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const run = promisify(execFile)

/**
 * Whatever takes longer than this has waited for something: stubs are told to wait for 30 s (musl asks again at half of
 * that), Docker's own resolver waits for 4 s.
 */
const deadlineMs = 3900
const patience = 'timeout:30'

// A private engine, for the stubs need compilers and the clients a place in a container's network.
describe.runIf(privateEngine())('on a network', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'berth-resolv-')), 'resolv.conf')
  let upstream: RecordingUpstream
  let berth: Berth
  let server: { v4: string; v6: string | undefined }
  /** Name → what it must come to; undefined: there is no such name. */
  let expected: Record<string, readonly string[] | undefined>

  beforeAll(async () => {
    await Promise.all([bringUp(), buildStubs()])
    upstream = await startUpstream({ 'api.example.com': '192.0.2.80' })
    berth = await startBerth({ listen: ['*:53'], forward: { upstreams: [`127.0.0.1:${upstream.port}`] } })
    server = await gatewayOf('shop_back')
    writeFileSync(file, '')
    const start = (name: string, ...args: string[]) =>
      docker('run', '--detach', '--name', name, '--network', 'shop_back', ...args, stubImage)
    await start('stub-direct', '--volume', `${file}:/etc/resolv.conf:ro`)
    for (const ndots of [0, 1, 5]) {
      const options = ['--dns', server.v4, '--dns-search', 'docker.internal']
      await start(
        `stub-ndots-${ndots}`,
        ...options,
        '--dns-option',
        `ndots:${ndots}`,
        '--dns-option',
        patience,
      )
    }
    const back = (await members()).filter(({ network }) => network === 'shop_back')
    const of = (container: RegExp) =>
      back
        .filter((one) => container.test(one.container))
        .flatMap(({ v4, v6 }) => [v4, v6].filter((address) => address !== undefined))
        .sort()
    const db = of(/^shop-db-1$/)
    expect(db).toHaveLength(2)
    expected = {
      db,
      POSTGRES: db,
      'shop-db-1': db,
      'db.shop_back': db,
      'postgres.docker.internal': db,
      'db.shop_back.docker.internal': db,
      'db.shop_back.docker.internal.': db,
      web: of(/^shop-web-/),
      'api.example.com': ['192.0.2.80'],
      'stub.example.org': ['192.0.2.53'],
      'stub.example.org.': ['192.0.2.53'],
      nobody: undefined,
      'nobody.docker.internal': undefined,
      'nobody.example.net': undefined,
      lonely: undefined,
      'lonely.shop_alone': undefined,
      'lonely.shop_alone.docker.internal': undefined,
    }
  })

  afterAll(async () => {
    expect(await berth?.stop()).toBe(0)
    upstream?.close()
    await removeContainers('stub-')
    await takeDown()
  })

  /** What differs, in words; nothing may. */
  async function faults(container: string, library: Library, names: readonly string[]): Promise<string[]> {
    const lookups = await lookUp(container, library, names)
    return names.flatMap((name) => {
      const wanted = expected[name]
      const { ms = 0, result, addresses = [] } = lookups.get(name) ?? {}
      const want = wanted === undefined ? 'NONAME' : `ok ${wanted.join(' ')}`
      const got = [result, ...addresses].join(' ')
      return got === want && ms < deadlineMs ? [] : [`${name}: ${got} after ${ms} ms, not ${want}`]
    })
  }

  describe.each(Object.keys(libraries) as Library[])('%s', (library) => {
    const searches = [
      '',
      'shop_back',
      'docker.internal',
      'shop_back.docker.internal docker.internal example.net',
    ]
    const settings = searches.flatMap((search) => [0, 1, 5].map((ndots) => ({ search, ndots })))

    it.each(settings)('search $search, ndots $ndots', async ({ search, ndots }) => {
      const lines = [`nameserver ${server.v4}`, `options ndots:${ndots} ${patience}`]
      writeFileSync(file, [...lines, ...(search === '' ? [] : [`search ${search}`]), ''].join('\n'))
      expect(await faults('stub-direct', library, Object.keys(expected))).toEqual([])
    })

    it.each([
      'edns0',
      'use-vc',
      'single-request',
      'single-request-reopen',
      'trust-ad',
      'rotate',
      'edns0 use-vc',
    ])('options %s', async (options) => {
      writeFileSync(file, `nameserver ${server.v4}\noptions ${options} ${patience}\nsearch docker.internal\n`)
      expect(await faults('stub-direct', library, Object.keys(expected))).toEqual([])
    })

    it('over IPv6', async () => {
      writeFileSync(file, `nameserver ${server.v6}\noptions ${patience}\nsearch shop_back\n`)
      expect(await faults('stub-direct', library, Object.keys(expected))).toEqual([])
    })

    it.each([0, 1, 5])('behind Docker’s 127.0.0.11, ndots %i', async (ndots) => {
      expect(await faults(`stub-ndots-${ndots}`, library, Object.keys(expected))).toEqual([])
    })
  })

  it('c-ares finds the same, over IPv4 and IPv6', async () => {
    const script = `
      const { Resolver } = require('node:dns').promises
      const [server, ...names] = process.argv.slice(1)
      const resolver = new Resolver({ timeout: ${deadlineMs}, tries: 1 })
      resolver.setServers([server.includes(':') ? '[' + server + ']' : server])
      const found = (asked) => asked.catch((error) => error.code === 'ENODATA' ? [] : [error.code])
      Promise.all(names.map(async (name) =>
        [name, (await Promise.all([found(resolver.resolve4(name)), found(resolver.resolve6(name))])).flat().sort()]
      )).then((all) => console.log(JSON.stringify(Object.fromEntries(all))))`
    const entry = await onNetworkOf('stub-direct')
    for (const address of [server.v4, server.v6!]) {
      const words = [...entry, process.execPath, '-e', script, address, ...Object.keys(expected)]
      const { stdout } = await run(words[0]!, words.slice(1))
      const wanted = Object.entries(expected).map(([name, addresses]) => [
        name,
        addresses ?? ['ENOTFOUND', 'ENOTFOUND'],
      ])
      expect(JSON.parse(stdout)).toEqual(Object.fromEntries(wanted))
    }
  })

  it.each(['+notcp', '+tcp'])(
    'dig and kdig are told the same (%s)',
    async (transport) => {
      const entry = await onNetworkOf('stub-direct')
      /** What a name's addresses come to in this client's own words. */
      async function ask(client: string, address: string, name: string): Promise<string[]> {
        const asked = [`@${address}`, transport, '+time=5', '+short', name]
        const words = [...entry, client, ...asked, 'A', ...(client === 'dig' ? asked : [name]), 'AAAA']
        return (await run(words[0]!, words.slice(1))).stdout.split('\n').filter(Boolean).sort()
      }
      for (const address of [server.v4, server.v6!]) {
        for (const [name, addresses = []] of Object.entries(expected)) {
          const told = await Promise.all([ask('dig', address, name), ask('kdig', address, name)])
          expect({ name, told }).toEqual({ name, told: [addresses, addresses] })
        }
      }
    },
    240_000,
  )

  it('dig follows a search list', async () => {
    const entry = await onNetworkOf('stub-direct')
    const search = ['+search', '+domain=shop_back.docker.internal', '+ndots=5']
    const words = [...entry, 'dig', `@${server.v4}`, '+short', ...search, 'db', 'A', ...search, 'db', 'AAAA']
    const { stdout } = await run(words[0]!, words.slice(1))
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(expected.db)
  })

  it('nothing of ours was told to the upstream, with any search list', () => {
    const asked = new Set(upstream.packets.map((packet) => decode(packet).questions![0]!.name.toLowerCase()))
    const isForeign = (name: string) => /\.example\.\w+\.?$/.test(name)
    const ours = Object.keys(expected).filter((name) => !isForeign(name))
    expect(ours.filter((name) => asked.has(name.toLowerCase()))).toEqual([])
    expect([...asked].filter((name) => name.endsWith('docker.internal'))).toEqual([])
    expect([...asked]).toContain('stub.example.org')
  })
})
