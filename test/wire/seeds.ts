// What mutations start from: the corpus, and messages with nothing wrong.
import { encode, type Packet } from 'dns-packet'
import { encodeQuery } from '../../src/dns/message.ts'
import { parseBytes } from './bytes.ts'
import { readCorpus } from './corpus.ts'
import { asked } from './target.ts'
import { upstreamId } from './world.ts'

const names = [
  'web',
  'WEB.front',
  'many',
  'db',
  'web.docker.internal',
  '_http._tcp.web',
  'www.example.com',
  'localhost',
]
const reverses = ['2.0.18.172.in-addr.arpa', '3.0.19.172.in-addr.arpa', '8.8.8.8.in-addr.arpa']

export function questionSeeds(): Buffer[] {
  const good = [...names, ...reverses].flatMap((name) =>
    ['A', 'AAAA', 'PTR', 'SRV', 'ANY', 'TXT'].flatMap((type) => [
      encodeQuery(name, type, { id: 0x1234 }),
      encodeQuery(name, type, { id: 0x1234, edns: 1232 }),
    ]),
  )
  // As many labels as a name may have, in front of what is looked for in many ways.
  const deep = [
    'wild.example',
    'web.docker.internal',
    'many.front',
    'localhost',
    'example.com',
    '18.172.in-addr.arpa',
  ]
  const manyLabels = deep.flatMap((end) =>
    ['A', 'PTR', 'SRV'].map((type) =>
      encodeQuery(`${'a.'.repeat((253 - end.length) >> 1)}${end}`, type, { id: 1 }),
    ),
  )
  const options = [
    '000a 0008 0102030405060708',
    '0003 0000',
    '000b 0000',
    '0008 0007 0001 18 00 c00002',
    '000f 0002 0006',
  ]
  const withOptions = options.map((text) => {
    const option = parseBytes(text)
    const query = encodeQuery('web', 'A', { id: 0x1234, edns: 1232 })
    query.writeUInt16BE(option.length, query.length - 2)
    return Buffer.concat([query, option])
  })
  const bad = readCorpus().filter(({ side }) => side === 'questions')
  return [...good, ...manyLabels, ...withOptions, ...bad.map(({ bytes }) => bytes)]
}

export interface ReplySeed {
  readonly packet: Buffer
  /** Which of `asked` it answers. */
  readonly to: number
}

export function replySeeds(): ReplySeed[] {
  const name = 'www.example.com'
  const sections: Pick<Packet, 'answers' | 'authorities' | 'additionals'>[] = [
    { answers: [{ type: 'A', name, data: '203.0.113.1' }] },
    { answers: [{ type: 'AAAA', name, data: '2001:db8::1' }] },
    {
      answers: [
        { type: 'CNAME', name, data: 'cdn.example.com' },
        { type: 'A', name: 'cdn.example.com', data: '203.0.113.1' },
        { type: 'TXT', name, data: ['one', 'two'] },
      ],
      authorities: [{ type: 'NS', name: 'example.com', data: 'ns.example.com' }],
      additionals: [
        { type: 'A', name: 'ns.example.com', data: '203.0.113.2' },
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ],
    },
    {
      authorities: [
        {
          ...{ type: 'SOA', name: 'example.com' },
          data: {
            mname: 'ns.example.com',
            rname: 'x.example.com',
            serial: 1,
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: 1,
          },
        },
      ],
    },
    {
      answers: [
        { type: 'MX', name, data: { preference: 1, exchange: 'mx.example.com' } },
        { type: 'SRV', name, data: { priority: 0, weight: 0, port: 80, target: 'a.example.com' } },
        { type: 'DNAME', name, data: 'b.example.com' },
        { type: 'PTR', name, data: 'c.example.com' },
      ],
    },
    // Of a network that the asker is not on.
    { answers: [{ type: 'A', name, data: '172.19.0.3' }] },
  ]
  const good = asked.flatMap((query, to) =>
    sections.flatMap((section) =>
      [0x8180, 0x8183, 0x8380].map((flags) => ({ packet: replyTo(query, flags, encode(section)), to })),
    ),
  )
  const bad = readCorpus().filter(({ side }) => side === 'replies')
  return [...good, ...bad.map(({ bytes }) => ({ packet: bytes, to: 0 }))]
}

/** The question as it was asked, the records of `body`. */
function replyTo(query: Buffer, flags: number, body: Buffer): Buffer {
  const end = query.indexOf(Buffer.of(0, 0), 13) < 0 ? query.length : questionEnd(query)
  const header = Buffer.from(body.subarray(0, 12))
  header.writeUInt16BE(upstreamId, 0)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  return Buffer.concat([header, query.subarray(12, end), body.subarray(12)])
}

function questionEnd(query: Buffer): number {
  let at = 12
  while (query[at] !== 0) at += 1 + query[at]!
  return at + 5
}
