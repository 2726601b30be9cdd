// What upstreams say comes through as they said it: nsd with a signed zone, unbound that validates it, dnsmasq before
// that; answers of every kind, and what does not fit.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, askWhole, recordSet } from '../tools/servers/client.ts'
import { startDnsmasq } from '../tools/servers/dnsmasq.ts'
import { startNsd } from '../tools/servers/nsd.ts'
import type { Server } from '../tools/servers/process.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { makeZone, signZone } from '../tools/servers/zone.ts'
import { type Forwarding, startForwarding } from './forwarding.ts'

type Kind = 'nsd' | 'unbound' | 'dnsmasq'
const kinds: Kind[] = ['nsd', 'unbound', 'dnsmasq']
const servers = {} as Record<Kind, Server>
const berths = {} as Record<Kind, Forwarding>
const { questions } = makeZone()
/** Every eleventh: 110 of them, of all kinds and types. */
const some = questions.filter((_, n) => n % 11 === 0)

beforeAll(async () => {
  const { name, file, anchor } = signZone()
  servers.nsd = await startNsd({ zones: [{ name, file }] })
  servers.unbound = await startUnbound({
    zones: [{ name, kind: 'stub', port: servers.nsd.port }],
    trust: [anchor],
  })
  servers.dnsmasq = await startDnsmasq({
    upstreams: [servers.unbound.port],
    // It would leave out what its cache does not hold.
    extra: ['--cache-size=0', '--proxy-dnssec', '--edns-packet-max=1232'],
  })
  for (const kind of kinds) berths[kind] = await startForwarding([servers[kind].address])
}, 240_000)

afterAll(async () => {
  for (const each of [...Object.values(berths), ...Object.values(servers)]) await each.stop()
})

describe.each(kinds)('%s', (kind) => {
  it.each([
    ['plain', {}],
    ['with DO', { dnssecOk: true }],
    ['with DO and CD', { dnssecOk: true, checkingDisabled: true }],
  ])(
    'the same rcode, records and AD as from itself, %s',
    async (what, options) => {
      const seen = { positive: 0, large: 0, nodata: 0, nxdomain: 0, signed: 0, authentic: 0 }
      for (const { name, type, kind: sort } of some) {
        const asked = `${name} ${type}`
        const direct = await ask(servers[kind].port, name, type, { ...options, tcp: true })
        const relayed = await askWhole(berths[kind].port, name, type, options)
        expect(relayed.rcode, asked).toBe(direct.rcode)
        expect(recordSet(relayed.packet.answers), asked).toEqual(recordSet(direct.packet.answers))
        if (direct.packet.answers?.length === 0) {
          expect(recordSet(relayed.packet.authorities), asked).toEqual(recordSet(direct.packet.authorities))
        }
        if ('dnssecOk' in options) expect(relayed.authentic, asked).toBe(direct.authentic)
        seen[sort]++
        if (relayed.packet.answers?.some((record) => record.type === 'RRSIG')) seen.signed++
        if (relayed.authentic) seen.authentic++
      }
      for (const sort of ['positive', 'large', 'nodata', 'nxdomain'] as const) {
        expect(seen[sort], sort).toBeGreaterThan(10)
      }
      if ('dnssecOk' in options) expect(seen.signed).toBeGreaterThan(50)
      if (kind !== 'nsd' && what === 'with DO') expect(seen.authentic).toBeGreaterThan(50)
    },
    240_000,
  )
})

describe('what does not fit', () => {
  const large = questions.filter(({ kind }) => kind === 'large')

  it.each([
    [1232, undefined],
    [4096, 1232],
    [undefined, 512],
  ])(
    'an asker that takes %s bytes gets what fits, with TC, and the whole over TCP',
    async (udpBytes, most) => {
      for (const { name, type } of large.slice(0, 20)) {
        const cut = await ask(berths.unbound.port, name, type, { udpBytes })
        expect(cut.truncated, name).toBe(true)
        expect(cut.bytes.length).toBeLessThanOrEqual(most ?? udpBytes ?? 0)
        const whole = await ask(berths.unbound.port, name, type, { udpBytes, tcp: true })
        expect(whole.truncated).toBe(false)
        const all = recordSet(whole.packet.answers)
        const shown = recordSet(cut.packet.answers)
        expect(shown.length).toBeGreaterThan(0)
        expect(shown.length).toBeLessThan(all.length)
        expect(shown.every((record) => all.includes(record))).toBe(true)
      }
    },
  )

  it('64 KiB come through over TCP', async () => {
    for (const { name, type } of large.filter((each) => each.name.startsWith('huge'))) {
      const whole = await ask(berths.nsd.port, name, type, { tcp: true })
      expect(whole.bytes.length).toBeGreaterThan(50_000)
      expect(whole.packet.answers).toHaveLength(230)
    }
  })

  it('one connection to an upstream serves many questions', async () => {
    const before = await berths.nsd.metric('berth_forward_tcp_total', 'truncated')
    await Promise.all(large.map(({ name, type }) => ask(berths.nsd.port, name, type, { tcp: true })))
    const after = await berths.nsd.metric('berth_forward_tcp_total', 'truncated')
    expect(after - before).toBeGreaterThan(50)
  })
})

it('what does not validate is SERVFAIL, and why is told; with CD it is an answer', async () => {
  const validator = await startUnbound({
    zones: [{ name: 'signed.example', kind: 'stub', port: servers.nsd.port }],
    // Nobody's key.
    trust: [`signed.example. DS 1 13 2 ${'00'.repeat(32)}`],
    extra: ['ede: yes'],
  })
  const berth = await startForwarding([validator.address])
  try {
    const bogus = await ask(berth.port, 'host1.signed.example', 'A', { dnssecOk: true })
    expect(bogus.rcode).toBe(2)
    // DNSSEC Bogus or DNSKEY Missing (RFC 8914, 4.7 and 4.10).
    expect(bogus.bytes.toString('latin1')).toMatch(/SERVFAIL \(extended error (6|9)/)
    const checked = await ask(berth.port, 'host1.signed.example', 'A', { checkingDisabled: true })
    expect(checked.rcode).toBe(0)
    expect(checked.authentic).toBe(false)
  } finally {
    for (const each of [berth, validator]) await each.stop()
  }
})
