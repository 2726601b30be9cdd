// What the pipeline does with a question's frame: errors and what they bring back, EDNS, cookies, being pressed,
// NSID, keepalive, CHAOS. Names are resolver.test.ts's matter.
import { decode, type Packet } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { createCookies } from '../../../src/dns/cookie.ts'
import { encodeOption } from '../../../src/dns/edns.ts'
import { countsOf, flag, flagsOf, rcode } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readReply } from '../../../src/dns/relay.ts'
import { type as types } from '../../../src/dns/types.ts'
import type { Forward, Forwarded } from '../../../src/forward/types.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import type { Query } from '../../../src/net/handler.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { resolverFor } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const snapshot = estate(
  [network('front', ['172.18.0.0/16']), network('back', ['172.19.0.0/16'])],
  [container('web', { front: { at: ['172.18.0.2'], names: ['s3.example.com'] } })],
)
const host = { v4: ['192.0.2.7'], v6: [], wildcard: false, networks: undefined }

interface Setting {
  identity?: { id: string; version: string }
  upstream?: (query: Buffer) => Forwarded | Buffer
}

function start({ identity = { id: '', version: '' }, upstream }: Setting = {}) {
  const asked: Buffer[] = []
  const counters = createDnsMetrics()
  const forward: Forward = ({ query, question }) => {
    asked.push(query)
    const told = upstream?.(query) ?? { failure: '192.0.2.53:53 timeout', reason: 'unreachable' as const }
    return Buffer.isBuffer(told) ? { reply: readReply(told, question)!, upstream: 'there' } : told
  }
  const resolver = resolverFor(snapshot, { identity, hosts: [{ ...host, name: 'api.foreign.example' }] })
  const scopes: string[] = []
  const handle = createPipeline({
    resolver: {
      ...resolver,
      scope(asker, local) {
        scopes.push(asker)
        return resolver.scope(asker, local)
      },
    },
    forward,
    cookies: createCookies({ secretOf: () => Buffer.alloc(16, 7), seconds: () => 1_700_000_000 }),
    identity,
    counters,
    clock: systemClock,
    log: silentLogger,
    logQueries: false,
  })
  const ask = (message: Buffer, changes: Partial<Query> = {}): Buffer | undefined => {
    const query: Query = { asker: '172.18.0.2', local: '172.18.0.1', transport: 'udp', server: 'x', message }
    const reply = handle({ ...query, ...changes })
    if (reply instanceof Promise) throw new Error('a promise where none is needed')
    return reply
  }
  return { ask, asked, scopes, counters }
}

const { ask } = start()

interface Opt {
  version?: number
  flags?: number
  options?: Buffer
  size?: number
}

function opt({ version = 0, flags = 0, options = Buffer.alloc(0), size = 1232 }: Opt = {}): Buffer {
  const record = Buffer.alloc(11)
  record.writeUInt16BE(types.OPT, 1)
  record.writeUInt16BE(size, 3)
  record[6] = version
  record.writeUInt16BE(flags, 7)
  record.writeUInt16BE(options.length, 9)
  return Buffer.concat([record, options])
}

/** A question with these records behind it, said to be additional ones. */
function question(name = 'web', type = 'A', ...records: Buffer[]): Buffer {
  const message = Buffer.concat([encodeQuery(name, type, { id: 0x4242 }), ...records])
  message.writeUInt16BE(records.length, 10)
  return message
}

/** A header and these records. */
function bare(...records: Buffer[]): Buffer {
  const message = Buffer.concat([Buffer.alloc(12), ...records])
  message.writeUInt16BE(0x4242, 0)
  message.writeUInt16BE(records.length, 10)
  return message
}

interface Read {
  rcode: number
  flags: number
  questions: number
  answers: Packet['answers']
  opt: { version: number; flags: number; options: Map<number, Buffer> } | undefined
}

function read(reply: Buffer | undefined): Read {
  const packet = decode(reply!)
  const record = packet.additionals?.find((each) => each.type === 'OPT')
  const found = record?.type === 'OPT' ? record : undefined
  const options = new Map(
    (found?.options ?? []).map((each) => [each.code as number, (each as { data: Buffer }).data] as const),
  )
  return {
    rcode: (flagsOf(reply!) & 0x0f) | ((found?.extendedRcode ?? 0) << 4),
    flags: flagsOf(reply!),
    questions: packet.questions!.length,
    answers: packet.answers,
    opt: found && { version: found.ednsVersion, flags: found.flags, options },
  }
}

const client = Buffer.from('clientco')
const cookie = (data: Buffer) => opt({ options: encodeOption(10, data) })
const learn = () => read(ask(question('web', 'A', cookie(client)))).opt!.options.get(10)!

describe('errors', () => {
  it('bring the question back: unknown opcodes, other counts, records that can’t be read', () => {
    const opcode = question()
    opcode.writeUInt16BE(15 << 11, 2)
    expect(read(ask(opcode))).toMatchObject({ rcode: rcode.NOTIMP, questions: 1, opt: undefined })
    const answer = question('web', 'A', opt())
    answer.writeUInt16BE(1, 6)
    answer.writeUInt16BE(0, 10)
    expect(read(ask(answer))).toMatchObject({ rcode: rcode.FORMERR, questions: 1 })
    const cut = question('web', 'A', opt()).subarray(0, -1)
    expect(read(ask(cut))).toMatchObject({ rcode: rcode.FORMERR, questions: 1, opt: undefined })
    expect(read(ask(question('web', 'OPT')))).toMatchObject({ rcode: rcode.FORMERR, questions: 1 })
  })

  it('an IXFR is FORMERR with the SOA it brings, as any record beside OPT, and REFUSED without', () => {
    const soa = Buffer.from(`c00c00060001000000000016${'0000'}${'00000001'.repeat(5)}`, 'hex')
    const bringing = Buffer.concat([question('web', 'IXFR'), soa])
    bringing.writeUInt16BE(1, 8)
    expect(read(ask(bringing))).toMatchObject({ rcode: rcode.FORMERR, questions: 1, answers: [] })
    expect(read(ask(question('web', 'IXFR')))).toMatchObject({ rcode: rcode.REFUSED, answers: [] })
  })

  it('are a header alone where the question can’t be read, and for two questions (RFC 9619)', () => {
    const two = question()
    two.writeUInt16BE(2, 4)
    for (const message of [two, question().subarray(0, 14), bare()]) {
      const reply = ask(message)!
      expect(reply).toHaveLength(12)
      expect(flagsOf(reply) & 0x0f).toBe(rcode.FORMERR)
    }
  })

  it('have an OPT where one could be read: NOTIMP, FORMERR, REFUSED, SERVFAIL', () => {
    const opcode = question('web', 'A', opt())
    opcode.writeUInt16BE(2 << 11, 2)
    const additionals = [question('web', 'A', opt(), opt()), question('web', 'A', cookie(Buffer.alloc(9)))]
    for (const message of [opcode, ...additionals, question('web', 'OPT', opt())]) {
      expect(read(ask(message)).opt).toMatchObject({ version: 0, flags: 0 })
    }
    const refused = read(ask(question('web', 'A', opt()), { asker: '203.0.113.9' }))
    expect(refused).toMatchObject({
      rcode: rcode.REFUSED,
      opt: { options: new Map([[15, Buffer.of(0, 18)]]) },
    })
    const failed = read(ask(question('example.com', 'A', opt())))
    expect(failed.rcode).toBe(rcode.SERVFAIL)
    expect(failed.opt!.options.get(15)!.readUInt16BE(0)).toBe(22)
  })

  it('copy no flag that is not theirs: Z, AA, TC and AD are clear, RD and CD as asked', () => {
    const all = question('web', 'A', opt({ flags: 0x7fff }))
    all.writeUInt16BE(0x07ff & ~0x0f, 2)
    const told = read(ask(all))
    expect(told.flags & (flag.AA | flag.TC | flag.AD | 0x40)).toBe(0)
    expect(told.flags & (flag.QR | flag.RA | flag.RD | flag.CD)).toBe(flag.QR | flag.RA | flag.RD | flag.CD)
    expect(told.opt!.flags).toBe(0)
  })
})

describe('EDNS', () => {
  it('of another version is BADVERS, in an OPT of version 0', () => {
    for (const version of [1, 100, 255]) {
      const told = read(ask(question('web', 'A', opt({ version, flags: 0x8040 }))))
      expect(told).toMatchObject({ rcode: rcode.BADVERS, answers: [], questions: 1 })
      expect(told.opt).toMatchObject({ version: 0, flags: 0x8000 })
    }
  })

  it('is in the reply exactly where it was in the question', () => {
    for (const name of ['web', 'nobody', 'example.com']) {
      expect(read(ask(question(name))).opt).toBeUndefined()
      expect(read(ask(question(name, 'A', opt()))).opt).toBeDefined()
    }
  })

  it('with two OPTs is FORMERR', () => {
    expect(read(ask(question('web', 'A', opt(), opt())))).toMatchObject({ rcode: rcode.FORMERR, answers: [] })
  })

  it('has unknown options passed over', () => {
    const told = read(ask(question('web', 'A', opt({ options: encodeOption(100, Buffer.from('what')) }))))
    expect(told).toMatchObject({ rcode: 0, opt: { options: new Map() } })
    expect(told.answers).toHaveLength(1)
  })

  it('with a reply that is too long leaves out the error’s text, so that it fits', () => {
    const failure = 'x'.repeat(600)
    const { ask } = start({ upstream: () => ({ failure, reason: 'failed' }) })
    const reply = ask(question('example.com', 'A', opt({ size: 512 })))!
    expect(reply.length).toBeLessThanOrEqual(512)
    expect(read(reply)).toMatchObject({
      rcode: rcode.SERVFAIL,
      opt: { options: new Map([[15, Buffer.of(0, 23)]]) },
    })
  })
})

describe('extended errors', () => {
  it.each([
    ['none', 22],
    ['unreachable', 22],
    ['failed', 23],
    ['busy', 0],
  ] as const)('say why upstreams gave nothing: %s is %i', (reason, code) => {
    const { ask } = start({ upstream: () => ({ failure: 'why', reason }) })
    const data = read(ask(question('example.com', 'A', opt()))).opt!.options.get(15)!
    expect([data.readUInt16BE(0), data.toString('utf8', 2)]).toEqual([code, 'why'])
  })

  it('RA is clear where no upstream recurses, and set in every other failure', () => {
    const failed = (more: object) => {
      const { ask } = start({ upstream: () => ({ failure: 'why', reason: 'failed', ...more }) })
      return flagsOf(ask(question('example.com', 'A', opt()))!) & 0x8f
    }
    expect(failed({})).toBe(0x82)
    expect(failed({ noRecursion: true })).toBe(0x02)
  })

  it('an answer that is withheld says so: 15', () => {
    const upstream = (query: Buffer) => {
      const record = Buffer.from('c00c00010001000000050004ac130002', 'hex')
      const reply = Buffer.concat([query.subarray(0, -opt().length), record])
      reply.writeUInt16BE(0x8180, 2)
      reply.writeUInt16BE(1, 6)
      reply.writeUInt16BE(0, 10)
      return reply
    }
    const { ask } = start({ upstream })
    const told = read(ask(question('example.com', 'A', opt())))
    expect(told).toMatchObject({ rcode: rcode.NXDOMAIN, answers: [] })
    expect(told.opt!.options).toEqual(new Map([[15, Buffer.of(0, 15)]]))
  })

  it('are not told to who has no EDNS', () => {
    expect(countsOf(ask(question('example.com'))!)).toEqual([1, 0, 0, 0])
  })
})

describe('a cookie', () => {
  it('comes back with ours, on every kind of reply', () => {
    for (const name of ['web', 'nobody', 'example.com']) {
      const told = read(ask(question(name, 'A', cookie(client)))).opt!.options.get(10)!
      expect(told).toHaveLength(24)
      expect(told.subarray(0, 8)).toEqual(client)
    }
    expect(read(ask(question('web', 'A', cookie(client)))).rcode).toBe(0)
  })

  it('that is relayed stays with us: the upstream’s OPT is not the asker’s', () => {
    const upstream = (query: Buffer) => {
      const reply = Buffer.concat([query.subarray(0, -cookie(client).length), cookie(Buffer.alloc(24, 9))])
      reply.writeUInt16BE(0x8180, 2)
      return reply
    }
    const { ask } = start({ upstream })
    const told = read(ask(question('example.com', 'A', cookie(client)))).opt!.options.get(10)!
    expect(told.subarray(0, 8)).toEqual(client)
    expect(told[8]).toBe(1)
  })

  it('that is bad is no reason for BADCOOKIE while nobody is pressed', () => {
    const told = read(ask(question('web', 'A', cookie(Buffer.alloc(24, 5)))))
    expect(told.rcode).toBe(0)
    expect(told.answers).toHaveLength(1)
  })

  it('of no valid length is FORMERR', () => {
    for (const length of [0, 1, 7, 9, 15, 41]) {
      const told = read(ask(question('web', 'A', cookie(Buffer.alloc(length)))))
      expect(told).toMatchObject({ rcode: rcode.FORMERR, answers: [], opt: { options: new Map() } })
    }
  })

  it('can be asked for without a question (RFC 7873, 5.4)', () => {
    const fresh = read(ask(bare(cookie(client))))
    expect(fresh).toMatchObject({ rcode: 0, questions: 0, answers: [] })
    const ours = fresh.opt!.options.get(10)!
    expect(read(ask(bare(cookie(ours)))).rcode).toBe(0)
    const wrong = read(ask(bare(cookie(Buffer.concat([client, Buffer.alloc(16)])))))
    expect(wrong.rcode).toBe(rcode.BADCOOKIE)
    expect(wrong.opt!.options.get(10)).toEqual(ours)
    expect(read(ask(bare(cookie(ours)), { pressed: 'drop' })).rcode).toBe(0)
  })

  it('is the only thing that can be asked for without a question', () => {
    const records = [opt(), opt({ options: encodeOption(3, Buffer.alloc(0)) }), cookie(Buffer.alloc(7))]
    for (const record of records) {
      expect(read(ask(bare(record)))).toMatchObject({ rcode: rcode.FORMERR, opt: { version: 0 } })
    }
    expect(read(ask(bare(opt({ version: 1, options: encodeOption(10, client) })))).rcode).toBe(rcode.BADVERS)
  })
})

describe('an asker that is pressed', () => {
  it('with a good cookie is answered', () => {
    for (const pressed of ['slip', 'drop'] as const) {
      const told = read(ask(question('web', 'A', cookie(learn())), { pressed }))
      expect(told).toMatchObject({ rcode: 0, answers: [{ data: '172.18.0.2' }] })
    }
  })

  it('with a client cookie alone, or a bad one, gets BADCOOKIE and a good one', () => {
    for (const data of [client, Buffer.concat([client, Buffer.alloc(16, 1)])]) {
      const told = read(ask(question('web', 'A', cookie(data)), { pressed: 'drop' }))
      expect(told).toMatchObject({ rcode: rcode.BADCOOKIE, answers: [], questions: 1 })
      const again = cookie(told.opt!.options.get(10)!)
      expect(read(ask(question('web', 'A', again), { pressed: 'drop' })).answers).toHaveLength(1)
    }
  })

  it('without a cookie is told to come over TCP, or nothing', () => {
    for (const records of [[], [opt()]]) {
      const slipped = ask(question('web', 'A', ...records), { pressed: 'slip' })!
      expect(flagsOf(slipped) & flag.TC).toBe(flag.TC)
      expect(countsOf(slipped)).toEqual([1, 0, 0, records.length])
      expect(ask(question('web', 'A', ...records), { pressed: 'drop' })).toBeUndefined()
    }
  })

  it('costs no look at scopes or upstreams', () => {
    const { ask, asked, scopes, counters } = start()
    ask(question('example.com'), { pressed: 'slip' })
    ask(question('example.com'), { pressed: 'drop' })
    ask(question('example.com', 'A', cookie(client)), { pressed: 'slip' })
    expect(asked).toEqual([])
    expect(scopes).toEqual([])
    expect([...counters.responses.cells.values()].map(({ labels }) => labels.rcode)).toEqual([
      'NOERROR',
      'BADCOOKIE',
    ])
  })

  it('gets nothing for malformed questions where it would be dropped', () => {
    const opcode = question()
    opcode.writeUInt16BE(4 << 11, 2)
    for (const message of [question().subarray(0, 14), opcode, bare(opt())]) {
      expect(ask(message, { pressed: 'drop' })).toBeUndefined()
      expect(ask(message, { pressed: 'slip' })).toBeDefined()
    }
  })

  it('is not pressed over TCP', () => {
    const told = read(ask(question(), { pressed: 'drop', transport: 'tcp' }))
    expect(told.answers).toHaveLength(1)
  })
})

describe('what is told to who asks for it', () => {
  const nsid = opt({ options: encodeOption(3, Buffer.alloc(0)) })
  const keepalive = opt({ options: encodeOption(11, Buffer.alloc(0)) })
  const identity = { id: 'berth-1', version: 'berth 1' }

  it('the identifier, only where it is configured and asked for', () => {
    expect(read(ask(question('web', 'A', nsid))).opt!.options).toEqual(new Map())
    const { ask: askNamed } = start({ identity })
    const told = read(askNamed(question('web', 'A', nsid)))
    expect(told.opt!.options).toEqual(new Map([[3, Buffer.from('berth-1')]]))
    expect(read(askNamed(question('web', 'A', opt()))).opt!.options).toEqual(new Map())
  })

  it('the identity in class CHAOS, in records of that class', () => {
    const { ask: askNamed } = start({ identity })
    const message = question('Version.BIND', 'TXT')
    message.writeUInt16BE(3, message.length - 2)
    expect(read(ask(message))).toMatchObject({ rcode: rcode.REFUSED })
    expect(read(askNamed(message)).answers).toMatchObject([
      { name: 'Version.BIND', type: 'TXT', class: 'CH', data: [Buffer.from('berth 1')] },
    ])
  })

  it('how long a connection may be idle, in tenths of a second, over TCP only', () => {
    const tcp = { transport: 'tcp', idle: 12_345 } as const
    expect(read(ask(question('web', 'A', keepalive), tcp)).opt!.options).toEqual(
      new Map([[11, Buffer.of(0, 123)]]),
    )
    expect(read(ask(question('web', 'A', opt()), tcp)).opt!.options).toEqual(new Map())
    expect(read(ask(question('web', 'A', keepalive))).opt!.options).toEqual(new Map())
    const days = read(ask(question('web', 'A', keepalive), { transport: 'tcp', idle: 86_400_000 }))
    expect(days.opt!.options.get(11)).toEqual(Buffer.of(0xff, 0xff))
  })
})

describe('an upstream’s NXDOMAIN', () => {
  const upstream = (query: Buffer) => {
    const reply = Buffer.from(query)
    reply.writeUInt16BE(0x8183, 2)
    return reply
  }

  it('for a name above one of ours becomes NODATA (RFC 8020)', () => {
    const { ask } = start({ upstream })
    for (const name of ['foreign.example', 'example.com']) {
      expect(read(ask(question(name))), name).toMatchObject({ rcode: 0, answers: [] })
    }
    expect(read(ask(question('other.example'))).rcode).toBe(rcode.NXDOMAIN)
  })
})
