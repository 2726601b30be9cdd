// berth and unbound as forwarders to the same validating resolver, asked the same 1,320 names and types, with every
// combination of DO, CD and AD, without EDNS, small, large and over TCP; twice, so that what is kept is compared too.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readQuestion } from '../../src/dns/name.ts'
import { readRecords } from '../../src/dns/records.ts'
import { startScripted } from '../tools/servers/scripted.ts'
import { compare, variants } from './differential/compare.ts'
import { countKinds, describe } from './differential/report.ts'
import { startWorld, type World } from './differential/world.ts'
import { exchange } from './exchange.ts'
import { startForwarding } from './forwarding.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.stop())

it.each(['fresh', 'kept'])(
  'no answer is different, %s',
  async (which) => {
    const { upstream, peer, berth, questions } = world
    expect(questions.length).toBeGreaterThanOrEqual(1000)
    const before = await berth.metric('berth_cache_hits_total')
    const judged = await compare(
      { upstream: upstream.port, peer: peer.port, berth: berth.port },
      variants(questions),
    )
    const hits = (await berth.metric('berth_cache_hits_total')) - before
    const of = (kind: string) => judged.filter((each) => each.kind === kind)
    const kinds = countKinds(judged)
    console.log(
      `${which}: ${judged.length} answers to ${questions.length} questions, ${hits} from the cache: ` +
        `${of('equal').length} equal, ${of('explained').length} explained, ${of('different').length} different; questions: ` +
        Object.entries(kinds)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', '),
    )
    expect(of('different').slice(0, 20).map(describe)).toEqual([])
    for (const [kind, count] of Object.entries(kinds)) expect(count, kind).toBeGreaterThanOrEqual(100)
    if (which === 'kept') expect(hits).toBeGreaterThan(judged.length / 2)
  },
  60_000,
)

it('a wrong answer would be found', async () => {
  const { upstream, peer } = world
  const wrong = await startScripted(async ({ message, send }) => {
    const reply = await exchange(upstream.port, message)
    const question = readQuestion(reply)!
    const [first] = readRecords(reply, question.end)!
    const spoil = spoilers.find(({ name }) => question.name === name.slice(0, -1))?.spoil
    spoil?.(reply, first!)
    await send(reply)
  })
  const berth = await startForwarding([wrong.address])
  try {
    const asked = spoilers.map(({ name }) => ({
      ...{ name, type: 'A' },
      options: { udpBytes: 1232, authenticData: true },
    }))
    const judged = await compare({ upstream: upstream.port, peer: peer.port, berth: berth.port }, asked)
    const found = spoilers.map(({ name }) => judged.find((each) => each.name === name)!)
    expect(found.map(({ kind, why }) => `${kind} ${why}`)).toEqual(
      spoilers.map(({ differs }) => (differs === '' ? 'equal ' : `different ${differs}`)),
    )
  } finally {
    for (const each of [berth, wrong]) await each.stop()
  }
})

type Spoil = (reply: Buffer, first: { ttlAt: number; end: number }) => void

const spoilers: readonly { name: string; differs: string; spoil?: Spoil }[] = [
  { name: 'host1.signed.example.', differs: '' },
  {
    name: 'host2.signed.example.',
    differs: 'answer',
    spoil: (reply, { end }) => reply.writeUInt8(reply[end - 1]! ^ 1, end - 1),
  },
  {
    name: 'host3.signed.example.',
    differs: 'TTL',
    spoil: (reply, { ttlAt }) => reply.writeUInt32BE(reply.readUInt32BE(ttlAt) + 60, ttlAt),
  },
  // NXDOMAIN, with records behind it.
  { name: 'host4.signed.example.', differs: 'rcode', spoil: (reply) => reply.writeUInt8(reply[3]! | 3, 3) },
  {
    name: 'host5.signed.example.',
    differs: 'flags',
    spoil: (reply) => reply.writeUInt8(reply[3]! & ~0x20, 3),
  },
  // The last answer moves into the next section.
  {
    name: 'host6.signed.example.',
    differs: 'answer,authority',
    spoil(reply) {
      reply.writeUInt16BE(reply.readUInt16BE(6) - 1, 6)
      reply.writeUInt16BE(reply.readUInt16BE(8) + 1, 8)
    },
  },
  // No SOA: it is an additional record now.
  {
    name: 'missing1.signed.example.',
    differs: 'authority',
    spoil(reply) {
      reply.writeUInt16BE(reply.readUInt16BE(8) - 1, 8)
      reply.writeUInt16BE(reply.readUInt16BE(10) + 1, 10)
    },
  },
]
