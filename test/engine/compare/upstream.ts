// The upstream that Docker's resolver and berth share: names under example.org with records of every type asked, the
// names of their addresses, and NXDOMAIN for the rest. UDP and TCP.
import dgram from 'node:dgram'
import { createServer } from 'node:net'
import { type Answer, decode, encode, type Question } from 'dns-packet'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { nameserver } from '../nameserver.ts'

const count = 100
/** As dns-packet calls type 65. */
const https = 'UNKNOWN_65' as 'NULL'

/** host1.example.org … */
export const outsideNames = Array.from({ length: count }, (_, i) => `host${i + 1}.example.org`)
export const outsideAddresses = outsideNames.map((_, i) => `192.0.2.${i + 1}`)

function answer({ name, type }: Question): Answer[] | undefined {
  const lower = name.toLowerCase()
  const reverse = /^(\d+)\.2\.0\.192\.in-addr\.arpa$/.exec(lower)
  if (reverse !== null && Number(reverse[1]) >= 1 && Number(reverse[1]) <= count) {
    return type === 'PTR' ? [{ name, type, ttl: 60, data: outsideNames[Number(reverse[1]) - 1]! }] : []
  }
  const number = outsideNames.indexOf(lower) + 1
  if (number === 0) return undefined
  const record = { name, ttl: 60 } as const
  switch (type) {
    case 'A':
      return [{ ...record, type, data: `192.0.2.${number}` }]
    case 'AAAA':
      return [{ ...record, type, data: `2001:db8::${number}` }]
    case 'MX':
      return [{ ...record, type, data: { preference: 10, exchange: 'mail.example.org' } }]
    case 'TXT':
      return [{ ...record, type, data: [Buffer.from(`text ${number}`)] }]
    case 'SRV':
      return [
        { ...record, type, data: { port: number, target: 'host1.example.org', priority: 0, weight: 0 } },
      ]
    case https:
      // Priority 1, the name itself, no parameters (RFC 9460).
      return [{ ...record, type, data: Buffer.of(0, 1, 0) }]
    default:
      return []
  }
}

function reply(message: Buffer): Buffer {
  const { id, questions, flags } = decode(message)
  const answers = answer(questions![0]!)
  const soa: Answer = {
    ...{ name: 'example.org', type: 'SOA', ttl: 60 },
    data: { mname: 'ns.example.org', rname: 'hostmaster.example.org', serial: 1, minimum: 60 },
  }
  return encode({
    ...{
      id: id!,
      type: 'response',
      flags: 0x0080 | ((flags ?? 0) & 0x0100) | (answers === undefined ? 3 : 0),
    },
    questions: questions!,
    answers: answers ?? [],
    authorities: answers === undefined || answers.length === 0 ? [soa] : [],
  })
}

export async function serveOutside(): Promise<{ close(): void }> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.on('message', (message, from) => socket.send(reply(message), from.port, from.address))
  await new Promise<void>((resolve) => socket.bind(53, nameserver, resolve))
  const server = createServer((connection) => {
    const frames = readFrames()
    connection.on('error', () => connection.destroy())
    connection.on('data', (chunk) => {
      for (const message of frames.push(chunk)) connection.write(frame(reply(message)))
    })
  })
  await new Promise<void>((resolve) => server.listen(53, nameserver, resolve))
  return {
    close() {
      socket.close()
      server.close()
    },
  }
}
