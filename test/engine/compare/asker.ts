// Runs inside a container's network namespace: asks two servers the same questions, many at once, and prints what each
// said. Questions come on standard input as JSON, answers leave on standard output.
import dgram from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { type Answer, decode, encode, type RecordType } from 'dns-packet'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import type { Told } from './rules.ts'

export interface Errand {
  /** Addresses, as in 198.18.0.1 or, of another port than 53, 198.18.0.1#1053. */
  readonly servers: readonly string[]
  /** [name, type] */
  readonly questions: readonly (readonly [string, string])[]
}

interface Manner {
  readonly atOnce: number
  /** Before the question is sent again, ms. */
  readonly patience: number
  readonly tries: number
}

/** The upstream is at hand. */
const usual: Manner = { atOnce: 12, patience: 700, tries: 2 }
/**
 * For what one server has answered and the other has not: on a busy machine that is no silence. Docker 20.10 never answers
 * some PTRs, a hundred for each asker, so that these wait side by side.
 */
const again: Manner = { atOnce: 64, patience: 5_000, tries: 1 }
const names = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

async function askAll(
  at: string,
  questions: Errand['questions'],
  { atOnce, patience, tries }: Manner,
): Promise<Told[]> {
  const [server = '', port = 53] = at.split('#')
  const socket = dgram.createSocket(isIPv6(server) ? 'udp6' : 'udp4')
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  const waiting = new Map<number, (message: Buffer) => void>()
  socket.on('message', (message) => waiting.get(message.readUInt16BE(0))?.(message))
  const results: Told[] = Array(questions.length)
  let next = 0

  async function work(): Promise<void> {
    while (next < questions.length) {
      const i = next++
      const [name, type] = questions[i]!
      const id = i & 0xffff
      const query = encode({
        ...{ id, type: 'query', flags: 0x0100 },
        questions: [{ name, type: (type === 'HTTPS' ? 'UNKNOWN_65' : type) as RecordType }],
      })
      let reply: Buffer | undefined
      for (let n = 0; n < tries && reply === undefined; n++) reply = await askOnce(id, query)
      // TC: the whole answer is to be had over TCP.
      if (reply !== undefined && (reply.readUInt16BE(2) & 0x0200) !== 0)
        reply = await askTcp(server, Number(port), query, patience)
      results[i] = reply === undefined ? { rcode: 'NONE', records: [], soa: false } : read(reply)
    }
  }

  function askOnce(id: number, query: Buffer): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const settle = (message?: Buffer) => {
        clearTimeout(timer)
        waiting.delete(id)
        resolve(message)
      }
      const timer = setTimeout(settle, patience)
      waiting.set(id, settle)
      socket.send(query, Number(port), server)
    })
  }

  await Promise.all(Array.from({ length: atOnce }, work))
  socket.close()
  return results
}

function askTcp(server: string, port: number, query: Buffer, patience: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const frames = readFrames()
    const socket = connect(port, server, () => socket.write(frame(query)))
    socket.setTimeout(patience, () => socket.destroy())
    socket.on('data', (chunk) => {
      const [message] = frames.push(chunk)
      if (message === undefined) return
      resolve(Buffer.from(message))
      socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(undefined))
  })
}

function read(message: Buffer): Told {
  const { answers = [], authorities = [] } = decode(message)
  return {
    rcode: names[message[3]! & 15] ?? String(message[3]! & 15),
    records: answers.map(text).sort(),
    soa: authorities.some(({ type }) => type === 'SOA'),
  }
}

function text(record: Answer): string {
  const { data } = record as { data: unknown }
  const plain = (value: unknown): unknown =>
    Buffer.isBuffer(value) ? value.toString('hex') : Array.isArray(value) ? value.map(plain) : value
  return `${record.type} ${typeof data === 'string' ? data : JSON.stringify(plain(data))}`
}

let input = ''
for await (const chunk of process.stdin) input += chunk
const { servers, questions } = JSON.parse(input) as Errand
const told: Told[][] = []
for (const server of servers) told.push(await askAll(server, questions, usual))
for (const [n, server] of servers.entries()) {
  const isSilent = (i: number, of: number) => told[of]![i]!.rcode === 'NONE'
  const open = questions.flatMap((_, i) =>
    isSilent(i, n) && servers.some((_, other) => !isSilent(i, other)) ? i : [],
  )
  const late = await askAll(
    server,
    open.map((i) => questions[i]!),
    again,
  )
  for (const [k, i] of open.entries()) told[n]![i] = late[k]!
}
process.stdout.write(JSON.stringify(told))
