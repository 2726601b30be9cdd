// Loops between real servers: berth asks unbound (or another berth), which asks berth. The process lives on, the other
// upstream answers, the alarm is counted.
import type { ChildProcess } from 'node:child_process'
import { afterEach, expect, it, vi } from 'vitest'
import { encodeQuery, readMessage } from '../../src/dns/message.ts'
import { startUpstream } from '../engine/upstream.ts'
import type { Server } from '../tools/servers/process.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { exchange } from './exchange.ts'
import { freePort, type Serving, serve } from './serve.ts'

const running: ChildProcess[] = []
const resolvers: Server[] = []

afterEach(async () => {
  const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of running) child.kill('SIGTERM')
  await Promise.all(ended)
  await Promise.all(resolvers.map((resolver) => resolver.stop()))
  running.length = resolvers.length = 0
})

/** A resolver that sends everything to this port. */
async function startResolver(port: number, forwardTo: number): Promise<void> {
  resolvers.push(await startUnbound({ port, zones: [{ name: '.', kind: 'forward', port: forwardTo }] }))
}

function startBerth(port: number, upstreams: readonly number[], http?: number): Serving {
  const serving = serve({
    listen: [`127.0.0.1:${port}`],
    docker: { engines: [] },
    http: http === undefined ? false : `127.0.0.1:${http}`,
    forward: { upstreams: upstreams.map((upstream) => `127.0.0.1:${upstream}`) },
  })
  running.push(serving.child)
  return serving
}

async function ask(port: number, name: string) {
  const reply = await exchange(port, encodeQuery(name, 'A', { id: 7, edns: 1232 }))
  return readMessage(reply).answers.map(({ data }) => data)
}

/** unbound answers for localhost by itself. */
const untilAnswers = (port: number) =>
  vi.waitUntil(
    () =>
      ask(port, 'localhost').then(
        () => true,
        () => false,
      ),
    { timeout: 60_000 },
  )

const metric = async (http: number, name: string, to: number) => {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
  return Number(new RegExp(`^${name}\\{to="127\\.0\\.0\\.1:${to}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

it('through unbound is recognised: the process lives on, the other upstream answers, it is counted once', async () => {
  const good = await startUpstream()
  const [port, http, loop] = [await freePort(), await freePort(), await freePort()]
  await startResolver(loop, port)
  await untilAnswers(loop)
  const berth = startBerth(port, [loop, good.port], http)
  await berth.logged('ready')
  const told = 'loop: this upstream sends our questions back to us; put aside, tried again from time to time'
  expect(await berth.logged(told)).toMatchObject({ level: 'error', upstream: `127.0.0.1:${loop}` })
  for (let i = 0; i < 20; i++) expect(await ask(port, `n${i}.example.org`)).toEqual(['192.0.2.53'])
  expect(await metric(http, 'berth_forward_loops_total', loop)).toBe(1)
  expect(await metric(http, 'berth_forward_looping', loop)).toBe(1)
  expect(await metric(http, 'berth_forward_loops_total', good.port)).toBe(0)
  expect(berth.lines.filter(({ msg }) => msg === told)).toHaveLength(1)
  expect(berth.child.exitCode).toBeNull()
  good.close()
})

it('that comes up later is recognised by the questions that go round', async () => {
  const good = await startUpstream()
  const [port, http, loop] = [await freePort(), await freePort(), await freePort()]
  const berth = startBerth(port, [loop, good.port], http)
  await berth.logged('ready')
  expect(await ask(port, 'early.example.org')).toEqual(['192.0.2.53'])
  expect(await metric(http, 'berth_forward_looping', loop)).toBe(0)
  await startResolver(loop, port)
  await untilAnswers(loop)
  let asked = 0
  await vi.waitUntil(
    async () => {
      expect(await ask(port, `n${asked++}.example.org`)).toEqual(['192.0.2.53'])
      return (await metric(http, 'berth_forward_looping', loop)) === 1
    },
    { timeout: 60_000, interval: 50 },
  )
  expect(await ask(port, 'late.example.org')).toEqual(['192.0.2.53'])
  expect(await metric(http, 'berth_forward_loops_total', loop)).toBe(1)
  expect(berth.child.exitCode).toBeNull()
  good.close()
})

it('of two servers of berth is cut by one of them, and both live on', async () => {
  const good = await startUpstream()
  const [one, other] = [await freePort(), await freePort()]
  const both = [startBerth(one, [other, good.port]), startBerth(other, [one])]
  for (const berth of both) await berth.logged('ready')
  const isTold = ({ level, msg }: Record<string, unknown>) =>
    level === 'error' && String(msg).startsWith('loop')
  let asked = 0
  await vi.waitUntil(
    async () => {
      expect(await ask(one, `n${asked++}.example.org`)).toEqual(['192.0.2.53'])
      return both.some(({ lines }) => lines.some(isTold))
    },
    { timeout: 60_000, interval: 50 },
  )
  expect(await ask(one, 'late.example.org')).toEqual(['192.0.2.53'])
  for (const { child } of both) expect(child.exitCode).toBeNull()
  good.close()
})

it('with nobody else to ask fails at once, not by a time-out', async () => {
  const [port, loop] = [await freePort(), await freePort()]
  await startResolver(loop, port)
  await untilAnswers(loop)
  const berth = startBerth(port, [loop])
  await berth.logged(
    'loop: this upstream sends our questions back to us; put aside, tried again from time to time',
  )
  const reply = readMessage(await exchange(port, encodeQuery('www.example.org', 'A', { id: 7, edns: 1232 })))
  expect(reply.rcode).toBe(2)
})
