// Answers out of date while upstreams fail or are slow (RFC 8767).
import { describe, expect, it } from 'vitest'
import { rcode } from '../../../../src/dns/header.ts'
import { address, keptBy, nxdomain, questionFor, settle, soa, unreachable } from './kept.ts'

const stale = (age: number) => ({ rcode: 0, records: ['A 30 192.0.2.1'], cached: { age, stale: true } })

describe('a stale answer', () => {
  it('is given where upstreams fail, with a TTL of 30, as long as the settings say', async () => {
    const kept = keptBy({ stale: 600_000 })
    await kept.ask()
    kept.says = unreachable
    kept.turn(61_000)
    expect(await kept.ask()).toEqual(stale(61))
    expect(kept.count('servedStale')).toBe(1)
    kept.turn(598_999)
    expect(await kept.ask()).toEqual(stale(659))
    kept.turn(1)
    expect(await kept.ask()).toMatchObject({ failure: '192.0.2.53:53 timeout' })
  })

  it('stays where what comes now is of a server that does not recurse', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.says = { flags: 0x0100 }
    expect(await kept.ask()).toEqual(stale(61))
    expect(await kept.forward(questionFor())).toMatchObject({ cached: { stale: true } })
  })

  it('says why there is no newer one', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.says = unreachable
    const tries = '192.0.2.53:53 timeout'
    expect(await kept.forward(questionFor())).toMatchObject({ tries })
    expect(await kept.forward(questionFor())).toMatchObject({ tries })
    kept.turn(30_000)
    kept.slow = true
    const slow = kept.forward(questionFor())
    kept.turn(1800)
    expect(await slow).toMatchObject({ tries: 'no answer within 1.8 s' })
  })

  it('says of records that still hold no more than 30 either', async () => {
    const kept = keptBy()
    kept.says = { answers: [address(60), address(75), address(3600)] }
    await kept.ask()
    kept.says = unreachable
    kept.turn(61_000)
    expect(await kept.ask()).toMatchObject({
      records: ['A 30 192.0.2.1', 'A 14 192.0.2.1', 'A 30 192.0.2.1'],
    })
  })

  it('of a name that did not exist says so still, for any type', async () => {
    const kept = keptBy()
    kept.says = nxdomain
    await kept.ask()
    kept.says = unreachable
    kept.turn(61_000)
    expect(await kept.ask({ type: 'AAAA' })).toEqual({
      rcode: 3,
      records: ['SOA 30'],
      cached: { age: 61, stale: true },
    })
  })

  it('is the newer one where both the name and the type are known', async () => {
    const kept = keptBy()
    await kept.ask()
    // The name has had no records for more than 60 s.
    kept.turn(121_000)
    kept.says = nxdomain
    await kept.ask({ type: 'AAAA' })
    kept.turn(60_000)
    kept.says = unreachable
    expect(await kept.ask()).toMatchObject({ rcode: 3, cached: { age: 60, stale: true } })
  })

  it('is that of the type where a denial of the name was against what was known', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(10_000)
    kept.says = nxdomain
    await kept.ask({ type: 'AAAA' })
    kept.turn(60_000)
    kept.says = unreachable
    expect(await kept.ask()).toEqual(stale(70))
    expect(await kept.ask({ type: 'AAAA' })).toMatchObject({ rcode: 0, records: ['SOA 30'] })
  })

  it('is given after 1.8 s where upstreams are slow; the exchange goes on, and what it brings is kept', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.slow = true
    kept.says = { answers: [address(60, '192.0.2.2')] }
    const answer = kept.ask()
    let isThere = false
    void answer.then(() => {
      isThere = true
    })
    kept.turn(1799)
    await settle()
    expect(isThere).toBe(false)
    kept.turn(1)
    expect(await answer).toEqual(stale(62))
    await kept.release()
    expect(await kept.ask()).toEqual({
      rcode: 0,
      records: ['A 60 192.0.2.2'],
      cached: { age: 0, stale: false },
    })
    expect(kept.asked).toHaveLength(2)
    expect(kept.count('servedStale')).toBe(1)
    expect(kept.pending()).toBe(0)
  })

  it('is given at once where every upstream is known to be down; they are tried behind it', async () => {
    let down = true
    const kept = keptBy({}, { isDown: () => down })
    await kept.ask()
    kept.turn(61_000)
    kept.slow = true
    const answer = kept.forward(questionFor())
    expect(answer).not.toBeInstanceOf(Promise)
    expect(await answer).toMatchObject({ tries: 'all upstreams are down', cached: { stale: true } })
    expect(kept.asked).toHaveLength(2)
    down = false
    await kept.release()
    expect(await kept.ask()).toMatchObject({ cached: { age: 0, stale: false } })
  })

  it('is given once, though the slow exchange fails in the end', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.slow = true
    kept.says = unreachable
    const answer = kept.ask()
    kept.turn(1800)
    expect(await answer).toEqual(stale(62))
    await kept.release()
    expect(kept.count('servedStale')).toBe(1)
    // The failure counts: there is no new try for 30 s.
    kept.turn(29_000)
    expect(kept.forward(questionFor())).not.toBeInstanceOf(Promise)
  })

  it('is not given where a new one comes within 1.8 s', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.slow = true
    kept.says = { answers: [address(60, '192.0.2.2')] }
    const answer = kept.ask()
    kept.turn(1799)
    await kept.release()
    expect(await answer).toEqual({ rcode: 0, records: ['A 60 192.0.2.2'] })
    expect(kept.count('servedStale')).toBe(0)
    expect(kept.pending()).toBe(0)
  })

  it('is given at once for 30 s after a failure, then upstreams are tried again', async () => {
    const kept = keptBy()
    await kept.ask()
    kept.says = unreachable
    kept.turn(61_000)
    await kept.ask()
    expect(kept.asked).toHaveLength(2)
    kept.turn(29_999)
    expect(kept.forward(questionFor())).not.toBeInstanceOf(Promise)
    expect(kept.asked).toHaveLength(2)
    kept.turn(1)
    kept.says = { answers: [address(60, '192.0.2.2')] }
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.2'] })
    expect(kept.asked).toHaveLength(3)
  })

  it.each([
    ['an error of theirs', { rcode: rcode.NOTIMP }],
    ['half an answer', { answers: [address(60)], flags: 0x0380 }],
    ['too much to do', { failure: 'too many questions are being forwarded', reason: 'busy' as const }],
    ['nobody to ask', { failure: 'there is no upstream to ask', reason: 'none' as const }],
  ])('is better than %s', async (_, says) => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.says = says
    expect(await kept.ask()).toEqual(stale(61))
    // None of these is a failure to remember.
    kept.says = { answers: [address(60)] }
    expect(await kept.ask()).toEqual({ rcode: 0, records: ['A 60 192.0.2.1'] })
  })

  it.each([
    ['NXDOMAIN', { rcode: rcode.NXDOMAIN, authorities: [soa(60, 60)] }, 3],
    ['nothing that may be kept', {}, 0],
  ])('is gone once upstreams say %s', async (_, says, code) => {
    const kept = keptBy()
    await kept.ask()
    kept.turn(61_000)
    kept.says = says
    expect(await kept.ask()).toMatchObject({ rcode: code })
    kept.turn(61_000)
    kept.says = unreachable
    expect(await kept.ask()).not.toMatchObject({ records: ['A 30 192.0.2.1'] })
    expect(kept.entries().success).toBe(0)
  })

  it('is not given to a question without RD, nor where stale is off', async () => {
    for (const [changes, flags] of [
      [{}, 0],
      [{ stale: 0 }, 0x0100],
    ] as const) {
      const kept = keptBy(changes)
      await kept.ask()
      kept.says = unreachable
      kept.turn(60_000)
      expect(await kept.ask({ flags })).toMatchObject({ failure: '192.0.2.53:53 timeout' })
    }
  })
})
