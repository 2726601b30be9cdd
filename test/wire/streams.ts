// What becomes of bytes on a stream: over real connections on loopback, to our port and to an upstream's.
import { once } from 'node:events'
import net from 'node:net'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { encodeQuery } from '../../src/dns/message.ts'
import { readQuestion } from '../../src/dns/name.ts'
import type { AttemptResult } from '../../src/forward/attempt.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { silentLogger } from '../../src/lib/log.ts'
import { createHandClock } from '../hand-clock.ts'
import { createAccounting } from '../unit/net/limits/accounting.ts'
import { createBench, type Parts } from './bench.ts'
import { upstreamId } from './world.ts'

/** A good question to come after, so that one can tell whether the connection is still in step. */
const probe = frame(encodeQuery('web', 'A', { id: 0xbeef }))

/** Over a connection to our own port: "2 replies, in step", or "1 reply, closed". */
export async function onStream(parts: Parts, bytes: Buffer, pieces: readonly number[] = []): Promise<string> {
  const bench = createBench(parts)
  const told: string[] = []
  const listener = await parts.listenTcp({
    at: { host: '127.0.0.1', port: 0 },
    ...{ log: silentLogger, clock: systemClock, limits: createAccounting().limits },
    handle: ({ message }) => {
      if (message.length >= 2 && message.readUInt16BE(0) !== 0xbeef)
        void bench.ask(message, { transport: 'tcp' }).then((each) => told.push(each))
      return Buffer.concat([message.subarray(0, 2), Buffer.from('81800000000000000000', 'hex')])
    },
  })
  const socket = net.connect({ host: '127.0.0.1', port: listener.port, noDelay: true })
  socket.on('error', () => {})
  const closed = once(socket, 'close').then(() => 'closed')
  const frames = readFrames()
  let replies = 0
  const inStep = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      for (const reply of frames.push(chunk)) {
        if (reply.readUInt16BE(0) === 0xbeef) resolve('in step')
        else replies++
      }
    })
  })
  await once(socket, 'connect')
  let from = 0
  for (const to of [...pieces, bytes.length]) {
    await new Promise((resolve) => socket.write(bytes.subarray(from, to), resolve))
    from = to
  }
  socket.end(probe)
  const end = await Promise.race([inStep, closed])
  socket.destroy()
  await listener.close(AbortSignal.abort())
  return `${[...told, `${replies} ${replies === 1 ? 'reply' : 'replies'}`].join('; ')}, ${end}`
}

/** Over a connection to an upstream: "reply", "closed before the reply", after how many that were ignored. */
export async function fromUpstream(
  parts: Parts,
  bytes: Buffer,
  pieces: readonly number[] = [],
): Promise<string> {
  const query = encodeQuery('www.example.com', 'A', { id: upstreamId })
  const question = readQuestion(query)!
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', async () => {
      let from = 0
      for (const to of [...pieces, bytes.length]) {
        await new Promise((resolve) => socket.write(bytes.subarray(from, to), resolve))
        from = to
      }
      socket.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  let ignored = 0
  const carrier = parts.createTcp({
    ...{ clock: createHandClock().clock, randomId: () => upstreamId },
    ...{ spoofed: () => ignored++, exhausted() {} },
  })
  const upstream = { host: '127.0.0.1', port, text: `127.0.0.1:${port}` }
  const result = await new Promise<AttemptResult>((done) => {
    carrier.ask({ upstream, message: query, question, done })
  })
  carrier.close()
  server.close()
  const heard = 'reply' in result ? `reply of ${result.reply.length} bytes` : result.error
  return ignored > 0 ? `${ignored} ignored, ${heard}` : heard
}
