// An upstream that writes down every packet it gets, raw, and answers *.example.org.
import dgram from 'node:dgram'
import { decode, encode } from 'dns-packet'

export interface RecordingUpstream {
  readonly port: number
  /** Without berth's own probes for loops. */
  readonly packets: Buffer[]
  /** Whether any packet held this name's labels, in any case. */
  saw(name: string): boolean
  close(): void
}

/** `answers`: addresses for names other than *.example.org, which is always 192.0.2.53. */
export async function startUpstream(
  answers: Record<string, string> = {},
  port = 0,
  host = '127.0.0.1',
): Promise<RecordingUpstream> {
  const socket = dgram.createSocket('udp4')
  const packets: Buffer[] = []
  socket.on('message', (packet, from) => {
    const { id, questions } = decode(packet)
    const name = questions![0]!.name.toLowerCase()
    if (!name.startsWith('berth-loop-')) packets.push(packet)
    const address = answers[name] ?? (name.endsWith('.example.org') ? '192.0.2.53' : undefined)
    const given = address !== undefined && questions![0]!.type === 'A'
    const reply = encode({
      id: id!,
      type: 'response',
      flags: 0x0180 | (address === undefined ? 3 : 0),
      questions: questions!,
      answers: given ? [{ type: 'A', name: questions![0]!.name, ttl: 600, data: address }] : [],
    })
    socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(port, host, resolve))
  return {
    port: socket.address().port,
    packets,
    saw(name) {
      // On the wire a name is labels behind their lengths.
      const labels = name.toLowerCase().replace(/\.$/, '').split('.')
      const wire = labels.map((label) => String.fromCharCode(label.length) + label).join('')
      return packets.some((packet) => packet.toString('latin1').toLowerCase().includes(wire))
    },
    close: () => socket.close(),
  }
}
