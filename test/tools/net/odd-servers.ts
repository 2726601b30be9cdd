// Runs inside a network namespace: servers that are odd in one way each, on port 53 of addresses of their own, UDP and
// TCP. Arguments: ADDRESS=KIND. Says "ready" once all of them listen.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { flag, flagsOf, rcode } from '../../../src/dns/header.ts'
import { encodeName, readQuestion } from '../../../src/dns/name.ts'
import { type } from '../../../src/dns/types.ts'
import { writeRecord } from '../servers/record.ts'

const hasOpt = (message: Buffer) => message.readUInt16BE(10) > 0
const hasAd = (message: Buffer) => (flagsOf(message) & flag.AD) !== 0

/** The question's reply without its OPT: these know none. */
function reply(
  message: Buffer,
  flags: number,
  code: number,
  answers: Buffer[] = [],
  authority: Buffer[] = [],
) {
  const head = Buffer.from(message.subarray(0, readQuestion(message)!.end))
  head.writeUInt16BE(flag.QR | flag.RD | flags | code, 2)
  for (const [i, count] of [answers.length, authority.length, 0].entries())
    head.writeUInt16BE(count, 6 + 2 * i)
  return Buffer.concat([head, ...answers, ...authority])
}

const record = (owner: Buffer, of: number, data: Buffer) => writeRecord(owner, of, data, 60)

const root = encodeName('.')!
const soa = record(
  root,
  type.SOA,
  Buffer.concat([encodeName('ns.example')!, encodeName('host.example')!, Buffer.alloc(20, 1)]),
)
const rootNs = record(root, type.NS, encodeName('a.root-servers.net')!)

/** One address for each name. */
function answer(message: Buffer): Buffer {
  const isA = readQuestion(message)!.type === type.A
  const own = Buffer.from('c00c', 'hex')
  return isA
    ? reply(message, flag.RA, rcode.NOERROR, [record(own, type.A, Buffer.of(192, 0, 2, 1))])
    : reply(message, flag.RA, rcode.NOERROR, [], [soa])
}

const to = (holds: (message: Buffer) => boolean, code?: number) => (message: Buffer) =>
  !holds(message) ? answer(message) : code === undefined ? undefined : reply(message, flag.RA, code)

/** undefined: it says nothing. */
const kinds: Readonly<Record<string, (message: Buffer) => Buffer | undefined>> = {
  good: answer,
  'drops-opt': to(hasOpt),
  'drops-ad': to(hasAd),
  'formerr-opt': to(hasOpt, rcode.FORMERR),
  'formerr-ad': to(hasAd, rcode.FORMERR),
  'notimp-opt': to(hasOpt, rcode.NOTIMP),
  'servfail-opt': to(hasOpt, rcode.SERVFAIL),
  'refused-opt': to(hasOpt, rcode.REFUSED),
  upward: (message) => reply(message, 0, rcode.NOERROR, [], [rootNs]),
}

for (const argument of process.argv.slice(2)) {
  const [address = '', kind = ''] = argument.split('=')
  const say = kinds[kind]!
  const udp = createSocket('udp4')
  udp.on('message', (message, from) => {
    const said = say(message)
    if (said !== undefined) udp.send(said, from.port, from.address)
  })
  udp.bind(53, address)
  await once(udp, 'listening')
  const tcp = createServer((socket) => {
    const frames = readFrames()
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) {
        const said = say(message)
        if (said !== undefined) socket.write(frame(said))
      }
    })
  })
  tcp.listen(53, address)
  await once(tcp, 'listening')
}
console.log('ready')
