// The upstreams of all resolvers, in a process of their own: port 53 of several addresses. Each can be well, dead (it
// hears and says nothing) or lossy; they count the questions of each tag, "nNUMBER-tTTL.TAG.bench.example".
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { frame, readFrames } from '../../../../src/dns/frame.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { type } from '../../../../src/dns/types.ts'
import { seededRandom } from '../../servers/random.ts'
import { replyTo } from '../../servers/scripted.ts'
import { serveCalls } from './calls.ts'

export interface Condition {
  readonly address: string
  readonly state: 'well' | 'dead' | 'lossy'
  /** Until it replies, ms. */
  readonly delay?: number
}

/** Of packets, where it is lossy. */
const loss = 0.3
const random = seededRandom(1)
const conditions = new Map<string, Condition>()
const counts = new Map<string, number>()

/** The reply to a question, once it has been counted. */
function answer(message: Buffer): Buffer {
  const question = readQuestion(message)!
  const [, ttl = '60', tag = ''] = /^n\d+-t(\d+)\.([^.]+)\.bench\.example$/.exec(question.name) ?? []
  if (tag === '' || question.type !== type.A) return replyTo(message)
  counts.set(tag, (counts.get(tag) ?? 0) + 1)
  const reply = replyTo(message.subarray(0, question.end))
  reply.writeUInt16BE(1, 6)
  reply.writeUInt16BE(0, 10)
  const record = Buffer.from('c00c00010001000000000004c0000201', 'hex')
  record.writeUInt32BE(Number(ttl), 6)
  return Buffer.concat([reply, record])
}

function react(address: string, overUdp: boolean, message: Buffer, send: (reply: Buffer) => void): void {
  const { state, delay = 0 } = conditions.get(address)!
  const reply = answer(message)
  if (state === 'dead' || (state === 'lossy' && overUdp && random() < loss)) return
  if (delay === 0) send(reply)
  else setTimeout(send, delay, reply)
}

async function listen(address: string): Promise<void> {
  const udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  udp.on('error', () => {})
  udp.on('message', (message, from) =>
    react(address, true, message, (reply) => udp.send(reply, from.port, from.address)),
  )
  udp.bind(53, address)
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    const frames = readFrames()
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        react(address, false, message, (reply) => socket.write(frame(reply)))
      }
    })
  })
  tcp.listen(53, address)
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
}

serveCalls({
  async set(condition: Condition) {
    const isNew = !conditions.has(condition.address)
    conditions.set(condition.address, condition)
    if (isNew) await listen(condition.address)
  },
  count: (tag: string) => counts.get(tag) ?? 0,
})
