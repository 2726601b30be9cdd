// A server as RFC 4074, 4.2 has it: it knows an address of every name, and says of every other type that the name does
// not exist. Run as a process, in a namespace: `denier.ts ADDRESS TTL`. Writes each type it is asked for.
import { createSocket } from 'node:dgram'
import { encode } from 'dns-packet'
import { readQuestion } from '../../../src/dns/name.ts'

const [address = '127.0.0.1', ttl = '1'] = process.argv.slice(2)
const socket = createSocket('udp4')

socket.on('message', (message, from) => {
  const question = readQuestion(message)!
  const { name } = question
  const isKnown = question.type === 1
  const soa = { mname: 'ns.example', rname: 'hostmaster.example', serial: 1, refresh: 2, retry: 3, expire: 4 }
  const body = encode({
    type: 'response',
    flags: isKnown ? 0x0180 : 0x0183,
    answers: isKnown ? [{ type: 'A', name, ttl: Number(ttl), data: '192.0.2.1' }] : [],
    authorities: isKnown
      ? []
      : [{ type: 'SOA', name: 'example', ttl: 1800, data: { ...soa, minimum: 1800 } }],
  })
  body.writeUInt16BE(message.readUInt16BE(0), 0)
  body.writeUInt16BE(1, 4)
  const reply = Buffer.concat([body.subarray(0, 12), message.subarray(12, question.end), body.subarray(12)])
  process.stdout.write(`${question.type}\n`)
  socket.send(reply, from.port, from.address)
})
socket.bind(53, address, () => process.stdout.write('ready\n'))
