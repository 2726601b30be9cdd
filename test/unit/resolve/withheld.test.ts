// An answer that is withheld, as the asker, the metrics and `berth query` see it.
import { decode, encode, type StringAnswer } from 'dns-packet'
import { expect, it } from 'vitest'
import { createCookies } from '../../../src/dns/cookie.ts'
import { readEdns } from '../../../src/dns/edns.ts'
import { encodeQuery, readMessage } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import { readRecords } from '../../../src/dns/records.ts'
import { readReply } from '../../../src/dns/relay.ts'
import type { Forward } from '../../../src/forward/types.ts'
import { createInspector } from '../../../src/http/inspect.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { createDnsMetrics } from '../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../src/resolve/pipeline.ts'
import { createResolver } from '../../../src/resolve/resolver.ts'
import { config, here, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const corp = { host: '198.51.100.53', port: 53, text: '198.51.100.53:53' }
const snapshot = estate(
  [network('front', ['172.18.0.0/16']), network('back', ['172.19.0.0/16'])],
  [container('web', { front: { at: ['172.18.0.2'] } })],
)

/** `becomes`: the table by the time that the upstream answers. */
function createServer(address: string, table = snapshot, becomes = table) {
  let current = table
  const resolver = createResolver({
    config: {
      ...config,
      forward: {
        ...config.forward,
        zones: [{ suffix: 'corp.example', upstreams: [corp] }],
        rebindProtection: true,
        rebindAllow: ['nip.example'],
      },
    },
    store: { current: () => current },
    addresses: () => here,
    upstreams: () => [upstream],
    random: () => 0,
  })
  const forward: Forward = async ({ query, question, route }) => {
    current = becomes
    const { id, questions } = decode(query)
    const answers: StringAnswer[] = [{ type: 'A', name: questions![0]!.name, ttl: 60, data: address }]
    const reply = encode({ type: 'response', id: id!, flags: 0x0180, questions: questions!, answers })
    return { reply: readReply(reply, question)!, upstream: route.upstreams[0]!.text }
  }
  const counters = createDnsMetrics()
  const common = { resolver, forward, counters, clock: systemClock, log: silentLogger, logQueries: false }
  const cookies = createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 })
  const handle = createPipeline({ ...common, cookies, identity: config.identity })
  const inspector = createInspector({ resolver, forward, zone: config.zone, clock: systemClock })
  const count = (cause: 'foreign' | 'rebinding') =>
    [...counters[cause].cells.values()].reduce((sum, { value }) => sum + value, 0)
  return {
    count,
    explain: (name: string) => inspector.query(name, 'A', { kind: 'address', address: '172.18.0.2' }),
    async ask(name: string) {
      const message = encodeQuery(name, 'A', { id: 9, edns: 1232 })
      const query = {
        message,
        asker: '172.18.0.2',
        local: '172.18.0.1',
        transport: 'udp',
        server: 'x',
      } as const
      const reply = (await handle(query))!
      const { end } = readQuestion(reply)!
      expect(readEdns(reply, end)).toMatchObject({ version: 0 })
      const opt = readRecords(reply, end)!.at(-1)!
      const ede = opt.end - opt.dataAt >= 6 ? reply.readUInt16BE(opt.dataAt + 4) : undefined
      const { rcode, answers, authorities } = readMessage(reply)
      return { rcode, ede, records: answers.length + authorities.length }
    },
  }
}

it('a private address for a public name: NODATA, EDE 15, counted, and explained with route and upstream', async () => {
  const { ask, count, explain } = createServer('192.168.1.1')
  expect(await ask('evil.example')).toEqual({ rcode: 0, ede: 15, records: 0 })
  expect([count('rebinding'), count('foreign')]).toEqual([1, 0])
  expect(await explain('evil.example')).toMatchObject({
    ...{ rcode: 'NOERROR', source: 'policy', route: 'default', upstream: upstream.text, answers: [] },
    rule: expect.stringContaining('forward.rebindProtection'),
  })
})

it('an excepted domain, and a route of its own: relayed, and explained', async () => {
  const { ask, count, explain } = createServer('192.168.1.1')
  expect(await ask('10-0-0-1.nip.example')).toEqual({ rcode: 0, ede: undefined, records: 1 })
  expect(await ask('git.corp.example')).toEqual({ rcode: 0, ede: undefined, records: 1 })
  expect([count('rebinding'), count('foreign')]).toEqual([0, 0])
  expect(await explain('git.corp.example')).toMatchObject({
    ...{ source: 'forward', route: 'forward.zones corp.example', upstream: corp.text },
    rule: expect.stringContaining('forward.zones corp.example'),
  })
})

it('an address of a foreign Docker network: NXDOMAIN, EDE 15, counted apart', async () => {
  const { ask, count } = createServer('172.19.0.7')
  expect(await ask('10-0-0-1.nip.example')).toEqual({ rcode: 3, ede: 15, records: 0 })
  expect([count('rebinding'), count('foreign')]).toEqual([0, 1])
})

it('an address of a network that the asker has left meanwhile: withheld from it, and explained so', async () => {
  const both = { front: { at: ['172.18.0.2'] }, back: { at: ['172.19.0.2'] } }
  const networks = [network('front', ['172.18.0.0/16']), network('back', ['172.19.0.0/16'])]
  const before = estate(networks, [container('web', both)])
  const create = () => createServer('172.19.0.7', before, snapshot)
  expect(await create().ask('10-0-0-1.nip.example')).toEqual({ rcode: 3, ede: 15, records: 0 })
  expect(await create().explain('10-0-0-1.nip.example')).toMatchObject({
    ...{ rcode: 'NXDOMAIN', source: 'policy', answers: [] },
  })
})
