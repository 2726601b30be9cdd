// What one cache learns, another one of the same server takes over.
import { describe, expect, it } from 'vitest'
import type { Fill } from '../../../../src/forward/cache/fill.ts'
import { address, failed, keptBy, nodata, nxdomain, questionFor } from './kept.ts'

function twoCaches() {
  const fills: Fill[] = []
  const one = keptBy({}, { onFill: (fill) => fills.push(structuredClone(fill)) })
  const other = keptBy()
  /** What was told so far reaches the other, so many ms later. */
  const handOver = (ms = 0) => {
    for (const fill of fills.splice(0)) {
      const kept = fill.kept && {
        ...{ ...fill.kept, age: fill.kept.age + ms },
        message: Buffer.from(fill.kept.message),
      }
      other.take({ ...fill, kept })
    }
  }
  return { one, other, fills, handOver }
}

describe('an answer', () => {
  it('is the other’s too, as old as it is, and ends at the same time', async () => {
    const { one, other, handOver } = twoCaches()
    await one.ask()
    handOver(1500)
    other.turn(10_000)
    expect(await other.ask()).toMatchObject({ rcode: 0, records: ['A 49 192.0.2.1'], cached: { age: 11 } })
    other.turn(48_499)
    expect(other.forward(questionFor())).toMatchObject({ cached: { stale: false } })
    expect(other.asked).toHaveLength(0)
    other.turn(1)
    await other.ask()
    expect(other.asked).toHaveLength(1)
  })

  it('takes the place of what the other knew', async () => {
    const { one, other, handOver } = twoCaches()
    await other.ask()
    one.says = { answers: [address(60, '192.0.2.9')] }
    await one.ask()
    handOver()
    expect(await other.ask()).toMatchObject({ records: ['A 60 192.0.2.9'] })
    expect(other.entries()).toEqual({ success: 1 })
  })

  it('that is not to be kept ends what both knew, and is told once', async () => {
    const { one, other, fills, handOver } = twoCaches()
    one.says = { answers: [address(1)] }
    await one.ask()
    handOver()
    one.turn(1000)
    one.says = { answers: [address(0)] }
    await one.ask()
    await one.ask()
    expect(fills).toHaveLength(1)
    handOver()
    expect(other.entries()).toEqual({ success: 0 })
  })

  it('ends the wait after a failure', async () => {
    const { one, other, handOver } = twoCaches()
    other.says = failed
    await other.ask()
    await one.ask()
    handOver()
    expect(await other.ask()).toMatchObject({ rcode: 0 })
  })
})

it('a name that does not exist is so for every type; what exists is not', async () => {
  const { one, other, handOver } = twoCaches()
  one.says = nxdomain
  await one.ask()
  handOver()
  expect(await other.ask({ type: 'AAAA' })).toMatchObject({ rcode: 3, cached: { age: 0 } })
  one.says = nodata
  await one.ask({ name: 'half.example.org' })
  handOver()
  await other.ask({ name: 'half.example.org', type: 'AAAA' })
  expect(other.asked).toHaveLength(1)
})

it('without room for any, none is kept', async () => {
  const fills: Fill[] = []
  const one = keptBy({ entries: 0 }, { onFill: (fill) => fills.push(fill) })
  await one.ask()
  expect(fills).toEqual([])
})
