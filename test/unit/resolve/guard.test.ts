// What upstreams may not tell: private addresses for public names, foreign containers' addresses, in whatever record.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { someAddress } from '../../../src/dns/addresses.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { encodeName, readQuestion } from '../../../src/dns/name.ts'
import { readReply, type UpstreamReply } from '../../../src/dns/relay.ts'
import { type } from '../../../src/dns/types.ts'
import { type Answer, addressRecord, writeReply } from '../../../src/dns/writer.ts'
import type { Route } from '../../../src/forward/types.ts'
import { formatAddress, parseAddress } from '../../../src/lib/ip.ts'
import { type Config, config, here, resolverFor, upstream } from './deciding.ts'
import { container, estate, interfaces, network } from './estate.ts'

const query = encodeQuery('www.example', 'A', { id: 1 })
const question = readQuestion(query)!

function replyOf(...answers: Answer[]): UpstreamReply {
  const parts = { rcode: 0, answers: answers.slice(0, 1), additional: answers.slice(1) }
  return readReply(writeReply(query, question, undefined, parts, 0xffff), question)!
}

/** An HTTPS or SVCB record with these SvcParams. */
function binding(
  params: [key: number, value: Uint8Array][],
  target = '.',
  code: number = type.HTTPS,
): Answer {
  const parts = params.map(([key, value]) => {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(key, 0)
    head.writeUInt16BE(value.length, 2)
    return Buffer.concat([head, value])
  })
  return { type: code, ttl: 60, data: Buffer.concat([Buffer.of(0, 1), encodeName(target)!, ...parts]) }
}

const bytes = (...addresses: string[]) => Buffer.concat(addresses.map((address) => parseAddress(address)!))
const hints = (v4: string[], v6: string[] = [], target?: string, code?: number) =>
  binding(
    [
      [1, Buffer.from('\x02h2')],
      [4, bytes(...v4)],
      [6, bytes(...v6)],
    ],
    target,
    code,
  )

const snapshot = estate(
  [network('front', ['172.18.0.0/16']), network('back', ['198.18.9.0/24', '2001:db8:9::/64'])],
  [container('web', { front: { at: ['172.18.0.2'] } })],
)
const standard: Route = {
  ...{ name: 'default', zone: undefined, explicit: false },
  ...{ upstreams: [upstream], order: 'sequential' },
}

function judge(
  reply: UpstreamReply,
  changes: Partial<Config['forward']> = {},
  { from = '172.18.0.2', name = 'www.example', route = standard, own = here } = {},
) {
  const forward = { ...config.forward, rebindProtection: true, ...changes }
  const resolver = resolverFor(snapshot, { forward }, [upstream], own)
  return resolver.withhold(resolver.scope(from, '127.0.0.1'), name, route, reply)
}

const rebinding = { cause: 'rebinding', rcode: 0, error: { code: 15 } }
const foreign = { cause: 'foreign', rcode: 3, error: { code: 15 } }
const a = (address: string) => addressRecord(address, 60)

describe('private addresses for public names', () => {
  const inside = [
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
    ...['169.254.169.254', '127.0.0.1', '127.8.9.1', '0.0.0.0', '0.1.2.3', '255.255.255.255', '198.18.0.1'],
    ...['::', '::1', 'fc00::1', 'fd12::1', 'fe80::1', 'febf::1', 'fec0::1'],
    ...['::ffff:10.0.0.1', '::ffff:127.0.0.1', '::192.168.0.1', '64:ff9b::10.0.0.1', '64:ff9b::a9fe:a9fe'],
    // Multicast and reserved; protocol assignments, and documentation.
    ...[
      '224.0.0.1',
      '239.255.255.250',
      '240.0.0.1',
      '255.255.255.254',
      '192.0.0.1',
      '192.0.0.9',
      '192.0.0.170',
    ],
    ...['192.0.2.1', '198.51.100.1', '203.0.113.1', '192.88.99.1', '198.19.255.255'],
    ...['::ffff:224.0.0.1', '::ffff:240.0.0.1', '::ffff:192.0.0.1', '64:ff9b::224.0.0.251'],
    // NAT64 for local use, wherever the IPv4 address is in it.
    ...[
      '64:ff9b:1::10.0.0.1',
      '64:ff9b:1::9.9.9.9',
      '64:ff9b:1:a00:0:100::',
      '64:ff9b:1:ffff:ffff:ffff:ffff:ffff',
    ],
    // IPv4-compatible and -translated; 6to4; Teredo; ISATAP.
    ...[
      '::9.9.9.9',
      '::ffff:0:10.0.0.1',
      '::ffff:0:9.9.9.9',
      '2002:a00:1::',
      '2002:c0a8:1::1',
      '2002:7f00:1::',
    ],
    ...[
      '2002:e000:1::',
      '2001::1',
      '2001:0:909:909:0:0:f5ff:fffe',
      '2001:0:a00:1::',
      '2620:fe::5efe:10.0.0.1',
    ],
    ...['2620:fe::200:5efe:192.168.1.1', '2620:fe::5efe:127.0.0.1'],
    // Discard-only, dummy, benchmarks, ORCHIDs, anycast to the next router, documentation, segment routing.
    ...[
      '100::1',
      '100:0:0:1::1',
      '2001:2::1',
      '2001:10::1',
      '2001:20::1',
      '2001:30::1',
      '2001:1::1',
      '2001:1::3',
    ],
    ...[
      '2001:db8::1',
      '3fff::1',
      '3fff:fff:ffff::1',
      '5f00::1',
      'ff02::1',
      'ff0e::1',
      'fb00::1',
      '4000::1',
      '1fff::1',
    ],
  ]
  const outside = [
    ...['9.9.9.9', '172.15.255.255', '172.32.0.1', '192.167.1.1', '100.63.0.1', '100.128.0.1', '128.0.0.1'],
    ...[
      '2620:fe::fe',
      '::ffff:9.9.9.9',
      '64:ff9b::9.9.9.9',
      '223.255.255.255',
      '192.0.1.1',
      '191.255.255.255',
    ],
    ...[
      '1.1.1.1',
      '198.20.0.1',
      '198.17.255.255',
      '192.88.98.1',
      '11.0.0.1',
      '126.255.255.255',
      '169.253.0.1',
    ],
    // AS112 and AMT are on the Internet.
    ...['192.31.196.1', '192.175.48.1', '192.52.193.1', '2001:3::1', '2001:4:112::1', '2620:4f:8000::1'],
    ...[
      '2000::1',
      '2001:200::1',
      '2002:909:909::1',
      '2003::1',
      '2606:4700::1111',
      '2a00::1',
      '3ffe::1',
      '3ff0::1',
    ],
    ...['2620:fe::5efe:9.9.9.9', '2620:fe:0:0:100:5efe:a00:1'],
  ]

  it.each(inside)('%s is withheld, in a record and in a hint', (address) => {
    const [v4, v6] = address.includes(':') ? [[], [address]] : [[address], []]
    expect(judge(replyOf(a(address)), {}, { from: '127.0.0.1' })).toMatchObject(rebinding)
    for (const code of [type.HTTPS, type.SVCB]) {
      const reply = replyOf(hints(v4, v6, 'svc.example', code))
      expect(judge(reply, {}, { from: '127.0.0.1' })).toMatchObject(rebinding)
    }
  })

  it.each(outside)('%s is not', (address) => {
    const [v4, v6] = address.includes(':') ? [[], [address]] : [[address], []]
    expect(judge(replyOf(a(address)))).toBeUndefined()
    expect(judge(replyOf(hints(v4, v6)))).toBeUndefined()
  })

  it.each(['8.8.4.4', '2a00:1450::1', '::ffff:8.8.4.4', '64:ff9b::8.8.4.4', '2002:808:404::1'])(
    '%s is withheld where it is one of this machine, public as it is',
    (address) => {
      const own = interfaces({ lo: ['127.0.0.1/8'], eth0: ['8.8.4.4/24', '2a00:1450::1/64'] })
      const reply = replyOf(a(address))
      expect(judge(reply, {}, { own })).toMatchObject(rebinding)
      expect(judge(reply, {}, { own, from: '127.0.0.1' })).toMatchObject(rebinding)
      expect(judge(reply, { rebindAllow: ['example'] }, { own })).toBeUndefined()
      expect(judge(reply, { rebindProtection: false }, { own })).toBeUndefined()
      expect(judge(reply)).toBeUndefined()
    },
  )

  it('one among many is enough, also in the additional section', () => {
    expect(judge(replyOf(a('9.9.9.9'), a('10.0.0.1')))).toMatchObject(rebinding)
    expect(judge(replyOf(hints(['9.9.9.9', '10.0.0.1'])))).toMatchObject(rebinding)
  })

  it('pass where protection is off, the domain is excepted, or the route is explicit', () => {
    const reply = replyOf(a('10.0.0.1'))
    expect(judge(reply, { rebindProtection: false })).toBeUndefined()
    expect(judge(reply, { rebindAllow: ['example'] })).toBeUndefined()
    expect(judge(reply, { rebindAllow: ['www.example'] })).toBeUndefined()
    expect(judge(reply, { rebindAllow: ['ww.example', 'xample'] })).toMatchObject(rebinding)
    expect(judge(reply, {}, { name: 'www.example', route: { ...standard, explicit: true } })).toBeUndefined()
  })
})

describe('addresses of Docker networks out of scope', () => {
  it.each([
    ['A', a('198.18.9.1')],
    ['AAAA', a('2001:db8:9::1')],
    ['AAAA with an IPv4 address in it', a('::ffff:198.18.9.1')],
    ['mapped, in a hint', hints([], ['::ffff:198.18.9.1'])],
    ['NAT64', a('64:ff9b::198.18.9.1')],
    ['NAT64 for local use, /96', a('64:ff9b:1::198.18.9.1')],
    ['NAT64 for local use, /64', a('64:ff9b:1:0:c6:1209:100:0')],
    ['NAT64 for local use, /56', a('64:ff9b:1:c6:12:901::')],
    ['NAT64 for local use, /48', a('64:ff9b:1:c612:9:100::')],
    ['NAT64 for local use, in a hint', hints([], ['64:ff9b:1::198.18.9.1'])],
    ['6to4', a('2002:c612:901::1')],
    ['IPv4-compatible', a('::198.18.9.1')],
    ['IPv4-translated', a('::ffff:0:198.18.9.1')],
    ['Teredo, client', a('2001:0:909:909:0:0:39ed:f6fe')],
    ['Teredo, server', a('2001:0:c612:901::')],
    ['ISATAP', a('2620:fe::5efe:198.18.9.1')],
    ['ISATAP, in its other form', a('2620:fe::200:5efe:198.18.9.1')],
    ['read as one of the asker’s own too', a('2001:0:ac12:2:0:0:39ed:f6fe')],
    ['ipv4hint', hints(['198.18.9.1'])],
    ['ipv6hint', hints([], ['2001:db8:9::1'])],
  ])('are withheld from a container: %s', (_, record) => {
    expect(judge(replyOf(record), { rebindProtection: false })).toMatchObject(foreign)
    expect(judge(replyOf(record))).toMatchObject(foreign)
    expect(judge(replyOf(record), { rebindProtection: false }, { from: '127.0.0.1' })).toBeUndefined()
  })

  it('are withheld from a network’s own resolver’s answers too, and not from a zone’s', () => {
    const reply = replyOf(a('198.18.9.1'))
    expect(judge(reply, {}, { route: { ...standard, explicit: true } })).toMatchObject(foreign)
    expect(judge(reply, {}, { route: { ...standard, explicit: true, zone: 'example' } })).toBeUndefined()
  })

  it('pass where the asker is on the network', () => {
    expect(judge(replyOf(a('172.18.0.99')), { rebindProtection: false })).toBeUndefined()
  })
})

describe('the addresses of a reply', () => {
  const read = (reply: UpstreamReply) => {
    const found: string[] = []
    someAddress(reply, (address) => found.push(formatAddress(address)) < 0)
    return found
  }

  it('are those of A, AAAA and hints, and nothing else', () => {
    const text = { type: type.TXT, ttl: 1, data: Buffer.from('\x04\x0a\x00\x00\x01', 'latin1') }
    const alias = { type: type.CNAME, ttl: 1, data: encodeName('x.example')! }
    const reply = replyOf(
      text,
      alias,
      a('192.0.2.1'),
      a('2001:db8::1'),
      hints(['192.0.2.2'], ['2001:db8::2'], 'a.b'),
    )
    expect(read(reply)).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2', '2001:db8::2'])
  })

  it('are not read past a hint’s or a record’s end, whatever lengths say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const reply = replyOf({ type: type.HTTPS, ttl: 1, data: Buffer.from(data) }, a('192.0.2.1'))
        const found = read(reply)
        expect(found.at(-1)).toBe('192.0.2.1')
        expect(found.length).toBeLessThanOrEqual(1 + data.length / 4)
      }),
    )
  })

  it('of a hint that claims more than its record holds are those in the record', () => {
    const data = Buffer.concat([Buffer.of(0, 1, 0, 0, 4, 0, 32), bytes('192.0.2.2')])
    const reply = replyOf(
      { type: type.HTTPS, ttl: 1, data },
      { type: type.TXT, ttl: 1, data: Buffer.alloc(40) },
    )
    expect(read(reply)).toEqual(['192.0.2.2'])
  })

  it('are found behind a target that is compressed', () => {
    const data = Buffer.concat([Buffer.of(0, 1, 0xc0, 12, 0, 4, 0, 4), bytes('10.0.0.1')])
    expect(read(replyOf({ type: type.HTTPS, ttl: 1, data }))).toEqual(['10.0.0.1'])
  })
})
