// berth cache as a person runs it: what is asked of the server, what is printed, and the exit code.
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../../../src/commands/run.ts'
import { apiRoutes } from '../../../src/http/api.ts'
import type { CacheEntry, Inspector, Problem } from '../../../src/http/api-types.ts'
import type { CacheDesk, CacheReply, FlushReply } from '../../../src/http/cache-desk.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { hostileTexts, isPrintable } from '../hostile-text.ts'
import { recordingInspector } from '../http/asking.ts'
import { call } from './call.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const done: unknown[][] = []

async function serve(
  shown: Partial<CacheReply> | Problem = {},
  flushed: Partial<FlushReply> = {},
  inspector: Inspector = recordingInspector(),
) {
  done.length = 0
  const desk: CacheDesk = {
    async show(...asked) {
      done.push(asked)
      return 'problem' in shown ? shown : { name: asked[0], below: asked[2], entries: [], ...shown }
    },
    async flush(...asked) {
      done.push(asked)
      const [name, below] = asked
      const told = [{ worker: 1, answers: 2, failures: 1 }]
      return { ...(name === undefined ? {} : { name }), below, flushed: told, ...flushed }
    },
  }
  const access = { hosts: () => [], tokenDigest: () => undefined, hasHostView: () => false }
  const server = createHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: apiRoutes(inspector, undefined, access, desk),
    log: silentLogger,
  })
  await server.start()
  closing.push(() => server.stop())
  const http = `127.0.0.1:${server.address()!.port}`
  return (...args: string[]) => call(run, [...args, '--http', http])
}

const name = 'www.example.org'
const key = { name, type: 'A', dnssecOk: false, checkingDisabled: false, route: 'default' }
const given = { upstream: '192.0.2.53:53', transport: 'udp', uses: 3, renewed: false } as const
const entry: CacheEntry = {
  ...{ ...key, ...given, answer: 'records', rcode: 'NOERROR', stale: false },
  ...{ age: 12, ttl: 60, left: 48, staleLeft: 3648 },
  records: [
    { name: `${name}.`, type: 'CNAME', ttl: 48, data: 'cdn.example.net.' },
    { name: 'cdn.example.net.', type: 'A', ttl: 48, data: '192.0.2.1' },
  ],
}
const stale: CacheEntry = {
  ...entry,
  type: 'TXT',
  stale: true,
  age: 100,
  left: 0,
  staleLeft: 3560,
  records: [],
}
const denial: CacheEntry = {
  ...{ ...entry, records: [], type: '*', answer: 'nxdomain', rcode: 'NXDOMAIN' },
  ...{ dnssecOk: true, checkingDisabled: true, class: 3, renewed: true, uses: 1, transport: 'tcp' },
}
const failure: CacheEntry = {
  ...{ ...key, type: 'MX', answer: 'failure', rcode: 'SERVFAIL', records: [], stale: false },
  ...{ age: 1, left: 4, why: '192.0.2.53:53 timeout', processes: [1, 3] },
}

describe('berth cache show', () => {
  it('tells of each answer what it is, for how long it holds and who gave it', async () => {
    const berth = await serve({
      entries: [entry, stale, { ...stale, type: 'AAAA', answer: 'nodata' }, denial, failure],
    })
    const { code, stdout, stderr } = await berth('cache', 'show', name)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`www.example.org A: 2 records
  www.example.org.  48  CNAME  cdn.example.net.
  cdn.example.net.  48  A      192.0.2.1
  expires  in 48 s, of 60 s; cached 12 s ago
  from     192.0.2.53:53 over UDP
  route    default
  used     3 times

www.example.org TXT: 0 records
  expired  40 s ago, stale; served for 3560 s more while no upstream answers; cached 100 s ago
  from     192.0.2.53:53 over UDP
  route    default
  used     3 times

www.example.org AAAA: no record of this type
  expired  40 s ago, stale; served for 3560 s more while no upstream answers; cached 100 s ago
  from     192.0.2.53:53 over UDP
  route    default
  used     3 times

www.example.org, all types, class 3, with DO and CD: NXDOMAIN, the name does not exist
  expires  in 48 s, of 60 s; cached 12 s ago
  from     192.0.2.53:53 over TCP
  route    default
  used     once, and refreshed before it expired

www.example.org MX: SERVFAIL, because upstreams failed
  expires    in 4 s, then upstreams are asked again; failed 1 s ago
  tries      192.0.2.53:53 timeout
  route      default
  processes  1, 3
`)
  })

  it('tells why an answer of another name is there', async () => {
    const berth = await serve({ entries: [entry] })
    expect((await berth('cache', 'show', 'cdn.example.net')).stdout).toMatch(
      /^www\.example\.org A: 2 records\n[\s\S]*\n {2}why +its answer passes through cdn\.example\.net\n/,
    )
    expect((await berth('cache', 'show', 'CDN.example.net', '--below')).stdout).not.toContain(
      'passes through',
    )
  })

  it('says plainly that nothing is kept, and who answers instead', async () => {
    const berth = await serve({ name: 'web', own: 'a name on front', networks: ['front', 'back'] })
    expect(await berth('cache', 'show', 'web')).toEqual({
      code: 0,
      stderr: '',
      stdout: `nothing is cached for web
for the host, berth answers this itself and never caches it: a name on front
a container’s name, answered from the table and never cached, on front, back
`,
    })
  })

  it('says what is not shown', async () => {
    const berth = await serve({ entries: [entry], more: 7, silent: [2, 4] })
    expect(await berth('cache', 'show', 'example.org', 'A', '--below')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\nand 7 more\n$/),
      stderr: 'process 2 has not said what it caches\nprocess 4 has not said what it caches\n',
    })
    expect(done).toEqual([['example.org', 'A', true]])
  })

  it('prints the reply as JSON', async () => {
    const berth = await serve({ entries: [entry] })
    const { stdout } = await berth('cache', 'show', name, '--json')
    expect(JSON.parse(stdout)).toEqual({ name, below: false, entries: [entry] })
  })

  it('tells what the server refuses', async () => {
    const berth = await serve({ problem: 'it is not for you', status: 404 })
    expect(await berth('cache', 'show', name)).toEqual({ code: 1, stdout: '', stderr: 'it is not for you\n' })
  })
})

describe('berth cache flush', () => {
  it('asks for what is meant, and says what there was', async () => {
    const berth = await serve()
    expect(await berth('cache', 'flush', name)).toEqual({
      ...{ code: 0, stderr: '', stdout: `flushed: ${name}\n2 answers  1 failure\n` },
    })
    expect((await berth('cache', 'flush', name, '--below')).stdout).toContain(`${name} and all below it`)
    expect((await berth('cache', 'flush')).stdout).toContain('everything')
    expect((await berth('cache', 'flush', '.')).code).toBe(0)
    expect(done).toEqual([
      [name, false, '127.0.0.1'],
      [name, true, '127.0.0.1'],
      [undefined, false, '127.0.0.1'],
      ['.', false, '127.0.0.1'],
    ])
    expect(JSON.parse((await berth('cache', 'flush', '--json')).stdout)).toEqual({
      ...{ below: false, flushed: [{ worker: 1, answers: 2, failures: 1 }] },
    })
  })

  it('says it of each process, and fails where one has not said that it did it', async () => {
    const flushed = [1, 3].map((worker) => ({ worker, answers: worker, failures: 0 }))
    const berth = await serve({}, { flushed, silent: [2] })
    expect(await berth('cache', 'flush')).toEqual({
      code: 1,
      stdout: 'flushed: everything\nprocess 1  1 answer   0 failures\nprocess 3  3 answers  0 failures\n',
      stderr: 'process 2 has not confirmed that it flushed this; it will when it resumes\n',
    })
  })
})

it.each([
  [[], 'show or flush'],
  [['list'], '"list" is unknown'],
  [['show'], 'NAME is missing'],
  [['show', ''], 'the name is empty'],
  [['show', 'a..b'], '"a..b" is not a domain name'],
  [['show', 'a', 'NOPE'], '"NOPE" is not a record type'],
  [['show', 'a', 'A', 'b'], '"b" is an extra argument'],
  [['show', '--below'], 'NAME is missing'],
  // What a script makes of an unset variable must not flush everything.
  [['flush', ''], 'the name is empty'],
  [['flush', 'a', ''], '"" is an extra argument'],
  [['flush', '', '--below'], 'the name is empty'],
  [['flush', '--below'], '--below needs a name'],
  [['flush', 'a', 'A'], 'all types'],
  [['flush', 'a..b'], 'is not a domain name'],
  [['flush', '--all'], 'all'],
])('berth cache %j is refused, and nothing is asked', async (args, told) => {
  const berth = await serve()
  const { code, stdout, stderr } = await berth('cache', ...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(told)
  expect(done).toEqual([])
})

it('berth cache --help tells both', async () => {
  const { code, stdout } = await call(run, ['cache', '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('berth cache show NAME')
  expect(stdout).toContain('berth cache flush [NAME]')
})

describe.each(hostileTexts)('%s', (_, text) => {
  it('is shown, not obeyed, wherever it is told', async () => {
    const records = [{ name: text, type: text, ttl: 0, data: text }]
    const hostile = { ...entry, name: text, type: text, upstream: text, route: text, records, why: text }
    const shown = { name: text, type: text, entries: [hostile], own: text, networks: [text] }
    const berth = await serve(shown, { name: text })
    for (const args of [
      ['show', 'a'],
      ['show', 'a', '--json'],
      ['flush', 'a'],
      ['flush', 'a', '--json'],
    ]) {
      const { code, stdout } = await berth('cache', ...args)
      expect([code, isPrintable(stdout)]).toEqual([0, true])
    }
    const plain = await (await serve({ ...shown, name: 'x', entries: [{ ...entry, why: 'x' }] }))(
      'cache',
      'show',
      'a',
    )
    const told = await (await serve(shown))('cache', 'show', 'a')
    expect(told.stdout.split('\n').length).toBeLessThanOrEqual(plain.stdout.split('\n').length)
    for (const args of [[`x${text}`], ['show', `x.${text}`, text], ['flush', 'a', text]]) {
      const { printed, code } = await berth('cache', ...args).then((all) => ({
        ...all,
        printed: all.stdout + all.stderr,
      }))
      expect([code, isPrintable(printed)]).toEqual([2, true])
    }
  })
})

describe('berth query', () => {
  const query = (more: object): Inspector => ({
    ...recordingInspector(),
    query: async (asked, type) => ({
      ...{ name: asked, type, as: 'host', rcode: 'NOERROR', source: 'cache', rule: 'because', answers: [] },
      ...{ route: 'default', ...more },
    }),
  })
  const facts = async (more: object) => {
    const { stdout } = await (await serve({}, {}, query(more)))('query', name)
    return Object.fromEntries(
      [...stdout.matchAll(/^(\w.*?) {2,}(.*)$/gm)].map(([, label, value]) => [label, value]),
    )
  }

  it.each([
    [{ upstream: 'x', cached: { age: 12, stale: false, left: 48 } }, '12 s ago, expires in 48 s'],
    [
      { upstream: 'x', cached: { age: 100, stale: true, left: 3560 } },
      '100 s ago, stale; served for 3560 s more while no upstream answers',
    ],
    [
      { rcode: 'SERVFAIL', cached: { age: 1, stale: false, left: 4 } },
      '1 s ago, upstreams are asked again in 4 s',
    ],
    // Of an older server.
    [{ upstream: 'x', cached: { age: 12, stale: true } }, '12 s ago, stale'],
  ])('tells for how much longer what was kept holds: %j', async (more, told) => {
    expect(await facts(more)).toMatchObject({ cached: told })
  })

  it('tells what is kept of the name, by this way and by others', async () => {
    const other = { ...entry, name: 'other.example' }
    const kept = [entry, stale, { ...entry, type: 'AAAA', answer: 'nodata' }, denial, failure, other]
    expect(await facts({ kept })).toMatchObject({
      'in cache':
        'A 48 s, TXT stale, AAAA 48 s (no record), all types DO CD 48 s (NXDOMAIN), MX 4 s (failed)',
    })
    expect(await facts({ kept: [{ ...entry, route: 'forward.zones example.org' }] })).toMatchObject({
      'in cache': 'A 48 s (forward.zones example.org)',
    })
    expect(await facts({ kept: [] })).not.toHaveProperty('in cache')
    // Answered here: no way was taken, and whatever is kept is told.
    expect(await facts({ route: undefined, kept: [entry] })).toMatchObject({ 'in cache': 'A 48 s' })
  })
})
