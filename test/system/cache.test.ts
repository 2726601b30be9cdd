// The cache before a real resolver, asked by dig: what reaches it, what does not, and what is served while it is dead.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Server } from '../tools/servers/process.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { freePort, main, serve } from './serve.ts'

const run = promisify(execFile)

const soa = 'cache.example. 60 IN SOA ns.cache.example. hostmaster.cache.example. 1 7200 1800 86400 30'
const data = [
  soa,
  'long.cache.example. 300 IN A 192.0.2.1',
  'long.cache.example. 300 IN TXT "text"',
  'short.cache.example. 1 IN A 192.0.2.2',
  'marker.cache.example. 0 IN A 192.0.2.3',
  'late.cache.example. 300 IN A 192.0.2.4',
]
const extra = [
  'log-queries: yes',
  'local-zone: "cache.example." static',
  ...data.map((record) => `local-data: '${record}'`),
]

/** Questions that reached it, in order and lower case, up to this one; waits for it for a minute at most. */
async function questionsUntil(server: Server, last: string): Promise<string[]> {
  const end = performance.now() + 60_000
  for (;;) {
    const asked = [...server.output().matchAll(/info: 127\.0\.0\.1 (\S+ \S+) IN$/gm)]
    const names = asked.map(([, question]) => question!.toLowerCase())
    if (names.includes(last)) return names.filter((name) => name.includes('cache.example.'))
    if (performance.now() > end) throw new Error(`no ${last} in 60 s:\n${server.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Dug {
  readonly status: string
  readonly ttl: number
  readonly ede: string | undefined
  readonly text: string
}

async function dig(port: number, name: string, type = 'A', ...more: string[]): Promise<Dug> {
  const args = ['@127.0.0.1', '-p', String(port), name, type, '+tries=1', '+time=20', ...more]
  const { stdout } = await run('dig', args)
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? 'none',
    ttl: Number(/^[^;\s]\S*\s+(\d+)\s+IN/m.exec(stdout)?.[1] ?? Number.NaN),
    ede: /EDE: (\d+)/.exec(stdout)?.[1],
    text: stdout,
  }
}

/** Asks until it is as wanted, for 15 s at most. */
async function digUntil(wanted: (dug: Dug) => boolean, port: number, name: string): Promise<Dug> {
  const end = performance.now() + 60_000
  for (;;) {
    const dug = await dig(port, name)
    if (wanted(dug)) return dug
    if (performance.now() > end) throw new Error(`not in 60 s:\n${dug.text}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

it('answers again without the upstream, denials too; stale while it is dead; and from it when it is back', async () => {
  const dns = await freePort()
  const http = `127.0.0.1:${await freePort()}`
  let unbound = await startUnbound({ extra })
  const { port } = unbound
  const serving = serve({
    listen: [`127.0.0.1:${dns}`],
    http,
    docker: { engines: [] },
    forward: { upstreams: [unbound.address] },
  })
  await serving.logged('ready')
  const explain = async (name: string) => {
    const { stdout } = await run(process.execPath, [main, 'query', name, '--http', http, '--json'])
    return JSON.parse(stdout) as Record<string, unknown>
  }

  // The second of each is from the cache; a DO question is another one, and so is NODATA of another type.
  for (const _ of [1, 2]) {
    expect(await dig(dns, 'long.cache.example')).toMatchObject({ status: 'NOERROR', ede: undefined })
    expect((await dig(dns, 'LONG.Cache.example', 'A', '+noedns', '+tcp')).text).toContain('192.0.2.1')
    expect(await dig(dns, 'long.cache.example', 'A', '+dnssec')).toMatchObject({ status: 'NOERROR' })
    expect((await dig(dns, 'long.cache.example', 'TXT')).text).toContain('"text"')
    expect((await dig(dns, 'long.cache.example', 'MX')).ttl).toBeLessThanOrEqual(30)
    for (const type of ['A', 'AAAA', 'MX']) {
      expect(await dig(dns, 'none.cache.example', type)).toMatchObject({ status: 'NXDOMAIN' })
    }
  }
  // TTL 0 is never kept, so by now unbound has written down all that came before.
  await dig(dns, 'marker.cache.example')
  expect(await questionsUntil(unbound, 'marker.cache.example. a')).toEqual([
    'long.cache.example. a',
    'long.cache.example. a',
    'long.cache.example. txt',
    'long.cache.example. mx',
    'none.cache.example. a',
    'marker.cache.example. a',
  ])
  expect(await explain('long.cache.example')).toMatchObject({ source: 'cache', cached: { stale: false } })

  expect(await dig(dns, 'short.cache.example')).toMatchObject({ status: 'NOERROR' })
  await unbound.stop()
  expect(await dig(dns, 'long.cache.example')).toMatchObject({ status: 'NOERROR', ede: undefined })
  const stale = await digUntil(({ ede }) => ede === '3', dns, 'short.cache.example')
  expect(stale).toMatchObject({ status: 'NOERROR', ttl: 30 })
  expect(stale.text).toContain('192.0.2.2')
  expect(await explain('short.cache.example')).toMatchObject({ source: 'cache', cached: { stale: true } })
  expect(await dig(dns, 'late.cache.example')).toMatchObject({ status: 'SERVFAIL' })
  // Right behind a failure there is no new try.
  await digUntil(({ status, ede }) => status === 'SERVFAIL' && ede === '13', dns, 'late.cache.example')

  unbound = await startUnbound({ extra, port })
  const back = await digUntil(({ status }) => status === 'NOERROR', dns, 'late.cache.example')
  expect(back).toMatchObject({ ede: undefined, ttl: 300 })

  const metrics = await (await fetch(`http://${http}/metrics`)).text()
  for (const line of [
    /^berth_cache_entries\{type="success"\} \d+$/m,
    /^berth_cache_entries\{type="denial"\} 2$/m,
    /^berth_cache_hits_total [1-9]\d*$/m,
    /^berth_cache_misses_total [1-9]\d*$/m,
    /^berth_cache_served_stale_total [1-9]\d*$/m,
    /^berth_cache_failures_total [1-9]\d*$/m,
    /^berth_dns_responses_total\{.*rcode="NXDOMAIN",source="cache"\} 5$/m,
  ]) {
    expect(metrics).toMatch(line)
  }
  await unbound.stop()
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
}, 240_000)
