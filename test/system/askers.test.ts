// dnsperf as the benchmark has it: one process that is many askers, over UDP and TCP (test/tools/bench/native/askers.c).
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { readQuestion } from '../../src/dns/name.ts'
import { runDnsperf } from '../tools/bench/client/dnsperf.ts'
import { quantile } from '../tools/bench/client/latencies.ts'
import { buildNative } from '../tools/bench/native/build.ts'
import { freePort } from '../tools/servers/port.ts'
import { replyTo } from '../tools/servers/scripted.ts'

const folder = mkdtempSync(join(tmpdir(), 'berth-askers-'))
const questions = join(folder, 'questions')
const udp = createSocket('udp4')
const tcp = createServer()
/** "ADDRESS NAME" of every question, over either. */
const heard = new Set<string>()
let port: number
let library: string

/** The reply comes after some 2 ms. */
function hear(address: string, message: Buffer, send: (reply: Buffer) => void) {
  heard.add(`${address} ${readQuestion(message)!.name}`)
  setTimeout(send, 2, replyTo(message))
}

beforeAll(async () => {
  library = buildNative(folder).askers
  writeFileSync(questions, 'p0-web A\nother.example A\nP0-web-alias A\n')
  port = await freePort()
  udp.on('message', (message, from) =>
    hear(from.address, message, (reply) => udp.send(reply, from.port, from.address)),
  )
  tcp.on('connection', (socket) => {
    const frames = readFrames()
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        hear(socket.remoteAddress!, message, (reply) => socket.write(frame(reply)))
      }
    })
  })
  udp.bind(port, '127.0.0.1')
  tcp.listen(port, '127.0.0.1')
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
})

afterAll(() => {
  udp.close()
  tcp.close()
  rmSync(folder, { recursive: true })
})

it.each([undefined, 2])(
  'each asks from its address for its own names: %s connections',
  async (connections) => {
    heard.clear()
    const askers = [
      { address: '127.0.0.2', project: 'p7', server: '127.0.0.1', port },
      { address: '127.0.0.3', project: 'p1234', server: '127.0.0.1', port },
    ]
    const load = { place: [], library, askers, questions, seconds: 0.5, connections, rate: 2000 }
    const asked = await runDnsperf(load)
    // Names in other letters are as they were: dnsperf is given none.
    const names = (project: string) => [`${project}-web`, 'other.example', 'p0-web-alias']
    const expected = askers.flatMap(({ address, project }) =>
      names(project).map((name) => `${address} ${name}`),
    )
    expect([...heard].sort()).toEqual(expected.sort())
    expect(asked).toMatchObject({ lost: 0, sent: asked.completed })
    const counted = asked.latencies.reduce((sum, [, count]) => sum + count, 0)
    expect(counted).toBe(asked.completed)
    expect(quantile(asked.latencies, 0.01)).toBeGreaterThan(1000)
    // One in a hundred, drawn at random.
    expect(asked.samples.length).toBeGreaterThan(0)
    expect(asked.samples.length).toBeLessThan(asked.completed / 20)
    for (const { asker, message } of asked.samples) {
      const { name } = readQuestion(message)!
      expect(names(askers[asker]!.project)).toContain(name)
    }
  },
)
