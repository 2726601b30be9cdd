// Other settings while answers are kept: what may still be kept stays.
import { describe, expect, it } from 'vitest'
import { rcode } from '../../../../src/dns/header.ts'
import { address, keptBy, soa } from './kept.ts'

const names = ['one.example.org', 'two.example.org', 'three.example.org']

async function filled() {
  const kept = keptBy()
  for (const name of names) await kept.ask({ name })
  return kept
}

/** Which of the names are answered without asking. */
async function known(kept: Awaited<ReturnType<typeof filled>>) {
  const found: string[] = []
  for (const name of names) {
    const before = kept.asked.length
    await kept.ask({ name })
    if (kept.asked.length === before) found.push(name)
  }
  return found
}

describe('the cache with other settings', () => {
  it('keeps all that there is room for', async () => {
    const kept = await filled()
    const bytes = kept.count('bytes')
    kept.update({ entries: 20_000, stale: 0 })
    expect([kept.entries(), kept.count('bytes')]).toEqual([{ success: 3 }, bytes])
    expect(await known(kept)).toEqual(names)
  })

  it('puts out what was used longest ago where there is less room', async () => {
    const kept = await filled()
    await kept.ask({ name: names[0]! })
    kept.update({ entries: 2 })
    expect([kept.entries(), kept.count('evictions')]).toEqual([{ success: 2 }, 1])
    kept.update({ entries: 2, bytes: kept.count('bytes') - 1 })
    expect(kept.entries()).toEqual({ success: 1 })
    const before = kept.asked.length
    await kept.ask({ name: names[0]! })
    expect(kept.asked).toHaveLength(before)
  })

  it('keeps nothing where it is turned off, and begins anew where it is turned on', async () => {
    const kept = await filled()
    kept.update({ entries: 0 })
    expect([kept.entries(), kept.count('bytes')]).toEqual([{ success: 0 }, 0])
    expect(await known(kept)).toEqual([])
    kept.update({ entries: 10 })
    await known(kept)
    expect(await known(kept)).toEqual(names)
  })

  it('keeps nothing for longer than is allowed now, what was there before included', async () => {
    const kept = keptBy()
    kept.says = { answers: [address(600)] }
    await kept.ask()
    kept.says = { rcode: rcode.NXDOMAIN, authorities: [soa(600, 600)] }
    await kept.ask({ name: names[0]! })
    kept.update({ maxTtl: 20_000, maxNegativeTtl: 10_000 })
    kept.turn(9_000)
    await kept.ask()
    await kept.ask({ name: names[0]! })
    expect(kept.asked).toHaveLength(2)
    kept.turn(2_000)
    await kept.ask({ name: names[0]! })
    expect(kept.asked).toHaveLength(3)
    kept.turn(10_000)
    await kept.ask()
    expect(kept.asked).toHaveLength(4)
  })
})
