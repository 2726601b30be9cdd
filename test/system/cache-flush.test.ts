// berth cache beside a serving process: what it shows, and that nothing flushed is answered any more, by whichever process
// and however it was kept.
import { execFile } from 'node:child_process'
import { decode, encode } from 'dns-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QueryReply } from '../../src/http/api-types.ts'
import type { CacheReply, FlushReply } from '../../src/http/cache-desk.ts'
import { ask } from '../tools/servers/client.ts'
import { type Asked, type Scripted, startScripted } from '../tools/servers/scripted.ts'
import { freePort, main, type Serving, serve } from './serve.ts'

/** From so many ports that each process gets some, but for one time in millions. */
const many = 48

describe.each([1, 2])('%i processes', (workers) => {
  let upstream: Scripted
  let serving: Serving
  let port: number
  let http: string
  /** What the upstream says now; undefined: nothing until `release`. */
  let address: string | undefined
  const held: Asked[] = []

  function answer({ message, send }: Asked, data: string): void {
    const { id, questions } = decode(message)
    const { name, type } = questions![0]!
    const [target, rest] = name.startsWith('alias.') ? [`cdn.${name}`, true] : [name, false]
    const flags = data === 'SERVFAIL' ? 0x8182 : name.startsWith('none.') ? 0x8183 : 0x8180
    const soa = {
      ...{
        mname: 'ns.fl.example',
        rname: 'h.fl.example',
        serial: 1,
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: 300,
      },
    }
    const denial = { type: 'SOA' as const, name: 'fl.example', ttl: 300, data: soa }
    const records = [
      ...(rest ? [{ type: 'CNAME' as const, name, ttl: 300, data: target }] : []),
      { type: 'A' as const, name: target, ttl: 300, data },
    ]
    const isDenial = flags === 0x8183 || type !== 'A'
    const parts = data === 'SERVFAIL' ? {} : isDenial ? { authorities: [denial] } : { answers: records }
    const reply = encode({ type: 'response', id: id!, questions: questions!, ...parts })
    reply.writeUInt16BE(flags, 2)
    void send(reply)
  }

  function release(data: string): void {
    address = data
    for (const each of held.splice(0)) answer(each, data)
  }

  beforeAll(async () => {
    upstream = await startScripted((asked) => {
      if (address === undefined) held.push(asked)
      else answer(asked, address)
    })
    port = await freePort()
    http = `127.0.0.1:${await freePort()}`
    address = '192.0.2.1'
    serving = serve(
      {
        ...{ listen: [`127.0.0.1:${port}`], http, workers, docker: { engines: [] } },
        ...{ hosts: { 'box.fl.example': '192.0.2.99' }, forward: { upstreams: [upstream.address] } },
      },
      { env: { BERTH_WORKERS: undefined } },
    )
    await serving.logged('ready')
  }, 30_000)

  afterAll(async () => {
    serving.child.kill('SIGTERM')
    await serving.exited
    await upstream.stop()
  })

  /** The different answers of all processes. */
  async function answersOf(name: string): Promise<string[]> {
    const replies = await Promise.all(Array.from({ length: many }, () => ask(port, name, 'A')))
    const told = replies.map(({ rcode, packet }) => {
      const data = packet.answers!.flatMap((record) => (record.type === 'A' ? [String(record.data)] : []))
      return rcode === 0 ? data.join() : `rcode ${rcode}`
    })
    return [...new Set(told)]
  }

  function berth(...args: string[]): Promise<{ code: number; out: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [main, ...args, '--http', http], { env: {} }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
      )
    })
  }
  async function api<T>(method: string, name?: string, more: Record<string, string> = {}): Promise<T> {
    const query = new URLSearchParams({ ...(name === undefined ? {} : { name }), ...more })
    const reply = await fetch(`http://${http}/api/cache?${query}`, { method })
    return (await reply.json()) as T
  }
  const show = (name: string, more = {}) => api<CacheReply>('GET', name, more)
  const flush = (name?: string, more = {}) => api<FlushReply>('DELETE', name, more)
  const countAsked = (name: string) =>
    upstream.asked.filter(({ message }) => decode(message).questions![0]!.name === name).length

  it('a name’s old answer is gone at once, from fast answers too', async () => {
    address = '192.0.2.1'
    for (const _ of [1, 2, 3]) expect(await answersOf('one.fl.example')).toEqual(['192.0.2.1'])
    expect(await answersOf('other.fl.example')).toEqual(['192.0.2.1'])
    address = '192.0.2.2'
    expect(await answersOf('one.fl.example')).toEqual(['192.0.2.1'])
    const { code, out } = await berth('cache', 'flush', 'One.FL.example.', '--json')
    const { flushed, silent } = JSON.parse(out) as FlushReply
    expect(flushed.map(({ worker }) => worker)).toEqual(workers === 1 ? [1] : [1, 2])
    expect([code, silent]).toEqual([0, undefined])
    expect(await answersOf('one.fl.example')).toEqual(['192.0.2.2'])
    expect(await answersOf('other.fl.example')).toEqual(['192.0.2.1'])
    await flush()
    expect(await answersOf('other.fl.example')).toEqual(['192.0.2.2'])
    const said = serving.lines.filter(({ msg }) => String(msg).includes('flushed'))
    expect(said).toMatchObject([{ name: 'one.fl.example', by: '127.0.0.1' }, { by: '127.0.0.1' }])
  })

  it('what is under way meanwhile does not put it back', async () => {
    address = undefined
    const before = answersOf('a.held.fl.example')
    while (countAsked('a.held.fl.example') < workers) await new Promise((resolve) => setTimeout(resolve, 10))
    await flush('held.fl.example', { below: 'true' })
    release('192.0.2.3')
    expect(await before).toEqual(['192.0.2.3'])
    address = '192.0.2.4'
    expect(await answersOf('a.held.fl.example')).toEqual(['192.0.2.4'])
  })

  it('an alias goes with what it leads to', async () => {
    address = '192.0.2.1'
    expect(await answersOf('alias.fl.example')).toEqual(['192.0.2.1'])
    address = '192.0.2.5'
    const { entries } = await show('cdn.alias.fl.example')
    expect(entries).toMatchObject([{ name: 'alias.fl.example', type: 'A', answer: 'records' }])
    await flush('cdn.alias.fl.example')
    expect(await answersOf('alias.fl.example')).toEqual(['192.0.2.5'])
  })

  it('a failure is forgotten: upstreams are asked at once', async () => {
    address = 'SERVFAIL'
    let reply: CacheReply
    do {
      expect(await answersOf('failed.fl.example')).toEqual(['rcode 2'])
      reply = await show('failed.fl.example')
      // On a busy machine it may be over by then; the next one is remembered for longer.
    } while (reply.entries.length === 0)
    expect(reply.entries[0]).toMatchObject({ answer: 'failure', why: expect.any(String) })
    address = '192.0.2.6'
    await flush('failed.fl.example')
    expect(await answersOf('failed.fl.example')).toEqual(['192.0.2.6'])
  })

  it('all types of a name are shown, and by berth query too', async () => {
    address = '192.0.2.7'
    await ask(port, 'shown.fl.example', 'A')
    await ask(port, 'shown.fl.example', 'AAAA', { dnssecOk: true })
    await ask(port, 'none.fl.example', 'TXT')
    // What the other process was told is here in a moment.
    let reply = await show('shown.fl.example')
    while (reply.entries.length < 2 || reply.entries.some(({ processes }) => processes?.length === 1)) {
      reply = await show('shown.fl.example')
    }
    const given = { upstream: upstream.address, transport: 'udp', route: 'default', ttl: 300, stale: false }
    expect(reply.entries).toMatchObject([
      { ...given, type: 'A', dnssecOk: false, answer: 'records', records: [{ data: '192.0.2.7' }] },
      { ...given, type: 'AAAA', dnssecOk: true, answer: 'nodata', records: [] },
    ])
    for (const { age, left } of reply.entries) expect(age + left).toBeGreaterThanOrEqual(300)
    expect((await show('shown.fl.example', { type: 'AAAA' })).entries).toMatchObject([{ type: 'AAAA' }])
    expect((await show('none.fl.example', { type: 'MX' })).entries).toMatchObject([
      { type: '*', answer: 'nxdomain' },
    ])
    expect((await berth('cache', 'show', 'shown.fl.example')).out).toMatch(/from +127\.0\.0\.1:\d+ over UDP/)

    const told = JSON.parse((await berth('query', 'shown.fl.example', '--json')).out) as QueryReply
    expect(told.cached).toEqual({ age: expect.any(Number), left: expect.any(Number), stale: false })
    expect(told.kept).toMatchObject([{ type: 'A' }, { type: 'AAAA' }])
    expect((await berth('query', 'shown.fl.example')).out).toMatch(
      /in cache +A \d+ s, AAAA DO \d+ s \(no record\)/,
    )
    expect((await berth('query', 'none.fl.example')).out).toMatch(/in cache +all types \d+ s \(NXDOMAIN\)/)
  })

  it('what berth answers itself is not kept, and that is said', async () => {
    expect(await answersOf('box.fl.example')).toEqual(['192.0.2.99'])
    const { code, out } = await berth('cache', 'show', 'box.fl.example')
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/nothing is cached.*\n.*berth answers this itself .*hosts:/),
    ])
  })

  it('it is no page’s, and needs no more than a DELETE', async () => {
    const url = `http://${http}/api/cache?name=x.fl.example`
    const refused = await fetch(url, { method: 'DELETE', headers: { origin: 'http://evil.example' } })
    expect(refused.status).toBe(403)
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
    const done = await fetch(url, { method: 'DELETE' })
    expect([done.status, await done.json()]).toMatchObject([200, { name: 'x.fl.example', below: false }])
  })
})
