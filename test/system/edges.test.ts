// Servers on the edge of the standards, asked through berth and through unbound: docs/rfcs.md says what is decided where.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readQuestion } from '../../src/dns/name.ts'
import { ask } from '../tools/servers/client.ts'
import type { Server } from '../tools/servers/process.ts'
import { type Asked, type Scripted, startScripted } from '../tools/servers/scripted.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { type Forwarding, startForwarding } from './forwarding.ts'

const opt = Buffer.from('00002904d0000000000000', 'hex')
const addresses = (count: number, ttl = 300) =>
  Array.from({ length: count }, (_, n) => {
    const record = Buffer.from(`c00c0001000100000000${'0004'}c0000200`, 'hex')
    record.writeUInt32BE(ttl, 6)
    record[15] = n + 1
    return record
  })
/** An SOA of the root. */
const soa = (ttl: number, minimum: number) => {
  const record = Buffer.from(`000006000100000000${'0016'}0000${'00000001'.repeat(5)}`, 'hex')
  record.writeUInt32BE(ttl, 5)
  record.writeUInt32BE(minimum, record.length - 4)
  return record
}

interface Parts {
  flags?: number
  counts?: readonly [qd: number, an: number, ns: number, ar: number]
  records?: readonly Buffer[]
}

function build(asked: Buffer, { flags = 0x8180, counts = [1, 0, 0, 0], records = [] }: Parts): Buffer {
  const header = Buffer.alloc(12)
  asked.copy(header, 0, 0, 2)
  header.writeUInt16BE(flags, 2)
  counts.forEach((count, i) => void header.writeUInt16BE(count, 4 + 2 * i))
  const question = counts[0] === 0 ? Buffer.alloc(0) : asked.subarray(12, readQuestion(asked)!.end)
  return Buffer.concat([header, question, ...records])
}

const whole = (asked: Buffer, count = 1) =>
  build(asked, { counts: [1, count, 0, 0], records: addresses(count) })
const bare = (flags: number) => (asked: Buffer) => build(asked, { flags, counts: [0, 0, 0, 0] })

interface Case {
  /** What it says over UDP; over TCP, and to who sends no OPT, it is right. */
  readonly says: (asked: Buffer) => Buffer
  /** Rcode, answers, TTL of the first record, TC. */
  readonly berth: string
  /** The same as berth where nothing is said. */
  readonly unbound?: string
}

const right = '0, 1 answers, TTL 300'
const cases: Record<string, Case> = {
  'tc-alone': { says: bare(0x8380), berth: right },
  'refused-alone': { says: bare(0x8185), berth: '2, 0 answers' },
  'servfail-alone': { says: bare(0x8182), berth: '2, 0 answers' },
  'notimp-alone': { says: bare(0x8184), berth: right },
  'formerr-alone': { says: bare(0x8181), berth: right },
  cut: { says: (asked) => whole(asked, 40).subarray(0, 512), berth: right, unbound: '2, 0 answers' },
  // Nobody can see that there was more.
  trimmed: { says: (asked) => whole(asked, 28), berth: '0, 28 answers, TTL 300' },
  'behind-opt': {
    says: (asked) => build(asked, { counts: [1, 1, 0, 2], records: [...addresses(1), opt, ...addresses(1)] }),
    berth: right,
  },
  'opt-copied': {
    says: (asked) => build(asked, { counts: [1, 1, 0, 1], records: [opt, ...addresses(1)] }),
    berth: right,
    unbound: '2, 0 answers',
  },
  'ttl-large': {
    says: (asked) => build(asked, { counts: [1, 1, 0, 0], records: addresses(1, 0x8000_0001) }),
    berth: '0, 1 answers, TTL 0',
  },
  'soa-minimum': {
    says: (asked) => build(asked, { flags: 0x8183, counts: [1, 0, 1, 0], records: [soa(86_400, 30)] }),
    berth: '3, 0 answers, TTL 30',
  },
}

function act({ message, transport, send }: Asked): void {
  const { name, type } = readQuestion(message)!
  const [label] = name.split('.')
  if (label === 'denier') {
    const parts: Parts =
      type === 1
        ? { counts: [1, 1, 0, 0], records: addresses(1, 1) }
        : { flags: 0x8183, counts: [1, 0, 1, 0], records: [soa(1800, 1800)] }
    return void send(build(message, parts))
  }
  const isPlain = message.readUInt16BE(10) === 0
  const given = cases[label!]
  const isMended = transport === 'tcp' || (isPlain && /opt-copied|notimp|formerr/.test(label!))
  void send(given === undefined || isMended ? whole(message) : given.says(message))
}

let upstream: Scripted
let unbound: Server
let berth: Forwarding

beforeAll(async () => {
  upstream = await startScripted(act)
  unbound = await startUnbound({ zones: [{ name: '.', kind: 'forward', port: upstream.port }] })
  berth = await startForwarding([upstream.address])
})

afterAll(async () => {
  for (const each of [berth, unbound, upstream]) await each.stop()
})

async function told(port: number, name: string): Promise<string> {
  const { rcode, truncated, packet } = await ask(port, name, 'A', { patience: 10_000 })
  const { answers = [], authorities = [] } = packet
  const first = [...answers, ...authorities][0] as { ttl?: number } | undefined
  const ttl = first === undefined ? '' : `, TTL ${first.ttl}`
  return `${rcode}, ${answers.length} answers${ttl}${truncated ? ', TC' : ''}`
}

it.each(Object.entries(cases))('%s', async (label, expected) => {
  const name = `${label}.edge.example`
  expect(await told(berth.port, name)).toBe(expected.berth)
  // Other releases of unbound take such a TTL for the longest there is.
  if (label !== 'ttl-large') expect(await told(unbound.port, name)).toBe(expected.unbound ?? expected.berth)
})

it('NXDOMAIN for an AAAA takes nothing from an A that is known, in neither', async () => {
  for (const [server, port] of Object.entries({ unbound: unbound.port, berth: berth.port })) {
    const name = `denier.${server}.example`
    const addressesAsked = () =>
      upstream.asked
        .map(({ message }) => readQuestion(message)!)
        .filter((each) => each.name === name && each.type === 1)
    expect(await told(port, name)).toBe('0, 1 answers, TTL 1')
    // unbound tells what it was told; musl would give the name up for that (docs/forwarding.md).
    const { rcode } = await ask(port, name, 'AAAA', { patience: 10_000 })
    expect(rcode).toBe(server === 'berth' ? 0 : 3)
    const end = performance.now() + 20_000
    while (addressesAsked().length < 2) {
      expect(await told(port, name)).toMatch(/^0, 1 answers, TTL [01]$/)
      if (performance.now() > end) throw new Error('its TTL of 1 s is not over after 20 s')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
})
