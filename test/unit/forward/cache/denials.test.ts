// Denials: of a name or of a type, and for how long (RFC 2308).
import { describe, expect, it } from 'vitest'
import { rcode } from '../../../../src/dns/header.ts'
import { address, alias, failed, keptBy, nodata, nxdomain, questionFor, replyTo, soa } from './kept.ts'

describe('a denial', () => {
  it('of a name is for every type of it, until the lesser of the SOA’s TTL and MINIMUM', async () => {
    for (const authorities of [[soa(60, 3600)], [soa(3600, 60)]]) {
      const kept = keptBy()
      kept.says = { rcode: rcode.NXDOMAIN, authorities }
      // The first asker is told no more than those that come later.
      expect(await kept.ask()).toEqual({ rcode: 3, records: ['SOA 60'] })
      kept.turn(10_000)
      // Aged from the lesser of both, or a stub would keep it for too long.
      expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 3, records: ['SOA 50'] })
      expect(await kept.ask({ type: 'TXT' })).toMatchObject({ rcode: 3, cached: { age: 10 } })
      expect(kept.asked).toHaveLength(1)
      expect(kept.entries()).toEqual({ denial: 1 })
      kept.turn(50_000)
      await kept.ask({ type: 'TXT' })
      expect(kept.asked).toHaveLength(2)
    }
  })

  it('tells the lesser of both in the first answer, whatever becomes of it; an SOA beside an answer is as it came', async () => {
    for (const [changes, flags] of [
      [{ entries: 0 }, 0x0100],
      [{}, 0],
    ] as const) {
      const kept = keptBy(changes)
      kept.says = { authorities: [soa(3600, 60)] }
      expect(await kept.ask({ flags })).toEqual({ rcode: 0, records: ['SOA 60'] })
      kept.says = { answers: [alias(300, 'x.example.org')], authorities: [soa(3600, 0x80000000)] }
      expect(await kept.ask({ flags })).toEqual({ rcode: 0, records: ['CNAME 300 x.example.org.', 'SOA 0'] })
      kept.says = { answers: [address(300)], authorities: [soa(3600, 60)] }
      expect(await kept.ask({ flags })).toEqual({ rcode: 0, records: ['A 300 192.0.2.1', 'SOA 3600'] })
    }
  })

  it('of a name says nothing of other names, classes, DO or CD', async () => {
    const kept = keptBy()
    kept.says = nxdomain
    await kept.ask()
    for (const other of [{ name: 'a.www.example.org' }, { class: 3 }, { dnssecOk: true }, { flags: 0x0110 }])
      await kept.ask(other)
    expect(kept.asked).toHaveLength(5)
  })

  it('of a type is for that type alone', async () => {
    const kept = keptBy()
    kept.says = nodata
    await kept.ask()
    expect(await kept.ask()).toMatchObject({ rcode: 0, records: ['SOA 60'], cached: { age: 0 } })
    await kept.ask({ type: 'AAAA' })
    expect(kept.asked).toHaveLength(2)
    expect(kept.entries()).toEqual({ denial: 2 })
  })

  it('behind a CNAME is for the asked type alone, since the name itself exists (RFC 2308, 2.1)', async () => {
    for (const code of [rcode.NXDOMAIN, rcode.NOERROR]) {
      const kept = keptBy()
      kept.says = { rcode: code, answers: [alias(300, 'gone.example.org')], authorities: [soa(60, 60)] }
      await kept.ask()
      kept.turn(5000)
      expect(await kept.ask()).toMatchObject({
        rcode: code,
        records: ['CNAME 295 gone.example.org.', 'SOA 55'],
      })
      kept.says = { answers: [alias(300, 'gone.example.org')] }
      expect(await kept.ask({ type: 'CNAME' })).toMatchObject({ rcode: 0 })
      expect(kept.asked).toHaveLength(2)
      expect(kept.entries()).toEqual({ denial: 1, success: 1 })
    }
  })

  it('is kept for no longer than maxNegativeTtl', async () => {
    const kept = keptBy({ maxNegativeTtl: 20_000 })
    kept.says = nxdomain
    await kept.ask()
    kept.turn(19_999)
    expect(await kept.ask()).toMatchObject({ records: ['SOA 41'] })
    kept.turn(1)
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('with an SOA that is cut short is not kept', async () => {
    const kept = keptBy()
    const { message, records } = replyTo(questionFor(), nodata)
    const cut = { ...records[0]!, end: records[0]!.end - 4 }
    kept.says = { reply: { message, records: [cut] }, upstream: 'x' }
    await kept.ask()
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
  })

  it('gives way when the name turns out to exist', async () => {
    const kept = keptBy()
    kept.says = nxdomain
    await kept.ask()
    kept.turn(60_000)
    kept.says = { answers: [address(10)] }
    await kept.ask()
    expect(kept.entries()).toEqual({ denial: 0, success: 1 })
    kept.says = failed
    expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ failure: '192.0.2.53:53 SERVFAIL' })
  })
})
