// How soon things begin and end where no engine has a part in it: new addresses, stops, upstreams that fail.
import { execFileSync } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { queryWire } from '../../../src/commands/dns-client.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { until } from '../../engine/docker.ts'
import { type Forwarding, startForwarding } from '../../system/forwarding.ts'
import { freePort, serve } from '../../system/serve.ts'
import { ask } from '../servers/client.ts'
import { replyTo, startScripted } from '../servers/scripted.ts'
import type { Times } from './bounds.ts'

const quiet = { http: 'off', docker: { engines: [] }, forward: { upstreams: [] } }

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

async function times(count: number, measure: (n: number) => Promise<number>): Promise<number[]> {
  const list: number[] = []
  for (let n = 0; n < count; n++) list.push(await measure(n))
  return list
}

/** A socket that hears and says nothing. */
async function openSilent(): Promise<{ port: number; heard: Promise<unknown>; close(): void }> {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { port: socket.address().port, heard: once(socket, 'message'), close: () => void socket.close() }
}

/** As root, in this network namespace. */
async function newAddresses(): Promise<number[]> {
  const port = await freePort()
  const serving = serve({ ...quiet, listen: [`*:${port}`] })
  await serving.logged('ready')
  const list = await times(10, async (n) => {
    const address = `127.9.0.${n + 1}`
    execFileSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo'])
    const took = await timeOf(() =>
      until(() => serving.lines.some((line) => line.address === address) || answers(address, port), {
        what: `${address} answers`,
      }),
    )
    execFileSync('ip', ['addr', 'del', `${address}/32`, 'dev', 'lo'])
    return took
  })
  serving.child.kill('SIGTERM')
  await serving.exited
  return list
}

const answers = (host: string, port: number) =>
  queryWire({ host, port }, 'localhost', 'A', { tcp: false, patience: 20 }).then(
    () => true,
    () => false,
  )

async function stopsWithAnOpenQuestion(): Promise<number> {
  const silent = await openSilent()
  const berth = await startForwarding([`127.0.0.1:${silent.port}`], { timeout: '60s' })
  const asked = ask(berth.port, 'open.example', 'A')
  await silent.heard
  const took = await timeOf(() => berth.stop())
  await asked
  silent.close()
  return took
}

async function stopsOfHttp(): Promise<number> {
  let arrive = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const handle = () => {
    arrive()
    return new Promise<never>(() => {})
  }
  const routes = [{ path: '/hang', handle }]
  const server = createHttpServer({ address: { host: '127.0.0.1', port: 0 }, routes, log: silentLogger })
  await server.start()
  const { port } = server.address()!
  fetch(`http://127.0.0.1:${port}/hang`).catch(() => {})
  await once(
    connect(port, '127.0.0.1').on('error', () => {}),
    'connect',
  )
  await arrived
  return timeOf(() => server.stop())
}

async function processesEnd(): Promise<number> {
  const port = await freePort()
  const serving = serve({ ...quiet, listen: [`127.0.0.1:${port}`], workers: 2, log: { level: 'debug' } })
  await serving.logged('ready')
  const pids = execFileSync('ps', ['-o', 'pid=', '--ppid', String(serving.child.pid)], { encoding: 'utf8' })
  const workers = pids.trim().split(/\s+/).map(Number)
  serving.child.kill('SIGKILL')
  await serving.exited
  const isAlive = (pid: number) => {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  }
  return timeOf(() => until(() => !workers.some(isAlive), { what: 'they are gone' }))
}

/** New names, one after the other. */
async function askEach(berth: Forwarding, count: number): Promise<number[]> {
  return times(count, async (n) => (await ask(berth.port, `n${n}.names.example`, 'A')).ms)
}

async function troubled(bad: string, { forward = {}, skipped = 0, count = 20 } = {}): Promise<number[]> {
  const good = await startScripted(({ message, send }) => send(replyTo(message)))
  const berth = await startForwarding([bad, good.address], forward)
  const list = await askEach(berth, count)
  await berth.stop()
  await good.stop()
  return list.slice(skipped)
}

export async function measureEnds(): Promise<Times> {
  const silent = [await openSilent(), await openSilent()]
  const [one, other] = silent.map(({ port }) => `127.0.0.1:${port}`) as [string, string]
  const refusing = await startScripted(({ message, send }) => send(replyTo(message, 5)))
  const closed = { host: '127.0.0.1', port: await freePort() }
  const wire = (port: number) => () =>
    queryWire({ host: '127.0.0.1', port }, 'web', 'A', { tcp: false }).catch(() => {})
  const dead = await startForwarding([one, other], { timeout: '1s' })
  const found = {
    'new address of the machine': await newAddresses(),
    'stop with an open question': await times(3, stopsWithAnOpenQuestion),
    'stop of HTTP with a request that hangs': await times(3, stopsOfHttp),
    'processes end behind the first': await times(3, processesEnd),
    'query --wire, nobody listens': await times(5, () => timeOf(wire(closed.port))),
    'query --wire, nobody answers': await times(2, () => timeOf(wire(silent[0]!.port))),
    // The first question is the one that finds out.
    'upstream dead for a while': await troubled(one, { skipped: 1 }),
    'upstream where nobody listens': await troubled(`127.0.0.1:${closed.port}`),
    'upstream that refuses': await troubled(refusing.address),
    'both upstreams dead, timeout 1 s': await askEach(dead, 2),
  }
  await dead.stop()
  await refusing.stop()
  for (const each of silent) each.close()
  return found
}
