// For any estate with engines out of reach, whoever asks: what it was told while they were in reach it is told, or that
// nobody is sure now; what it was not told is what it would be. That it bites is shown by taking the doubt out.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scopeTable } from '../../../src/scope/scope.ts'
import { askersOf, questionsFor } from './askers.ts'
import { type Drawn, drawn, snapshotOf } from './drawn.ts'
import { type Seen, type WaysOptions, waysInto } from './ways.ts'

/** Nothing is unread here: that is another reason to be unsure. */
const withStates = (told: Drawn, state: 'live' | 'away'): Drawn => {
  const become = (engine: 'one' | 'two') =>
    state === 'live' || told.states[engine] === 'unsynced' ? 'live' : told.states[engine]
  return { ...told, states: { one: state === 'live' ? 'live' : 'away', two: become('two') } }
}

const isTold = ({ rcode, addresses, names, forwarded }: Seen) =>
  !forwarded && rcode === 'NOERROR' && addresses.length + names.length > 0

function fault(before: Seen, now: Seen): string | undefined {
  if (isTold(before) && !isTold(now) && now.rcode !== 'SERVFAIL') {
    return now.forwarded ? 'sent upstream' : `denied: ${now.rcode}`
  }
  if (now.rcode === 'SERVFAIL' && (before.forwarded || before.rcode !== 'NOERROR')) {
    return `unsure of what it was told before: ${before.forwarded ? 'forwarded' : before.rcode}`
  }
  return undefined
}

function holds(options: WaysOptions = {}) {
  return fc.asyncProperty(drawn, fc.nat(), async (told, which) => {
    const away = withStates(told, 'away')
    const live = withStates(told, 'live')
    const askers = askersOf(away)
    const { address, local, what } = askers[which % askers.length]!
    const other = askers[(which + 1) % askers.length]!
    const [before, now] = [
      waysInto(snapshotOf(live), told.gateway),
      waysInto(snapshotOf(away), told.gateway, options),
    ]
    const faults: string[] = []
    // A fifth of what there is to ask, another one for each asker: all of it would take minutes.
    for (const [name, type] of questionsFor(told).filter((_, i) => (i + which) % 5 === 0)) {
      const was = await before.wire(address, local, name, type)
      await now.wire(other.address, other.local, name, type)
      // It may be an answer that was kept for another, the second time one of its own.
      for (const _ of [1, 2]) {
        const found = fault(was, await now.wire(address, local, name, type))
        if (found !== undefined) faults.push(`${what}, ${name} ${type}: ${found}`)
      }
    }
    expect(faults).toEqual([])
  })
}

describe('while engines are away', () => {
  it('nothing is denied that was there, and nothing is unsure that was not', async () => {
    await fc.assert(holds(), { numRuns: 50 })
  }, 60_000)

  it('which fails without the former scope', async () => {
    const container: (typeof scopeTable)[string] = (asking) => {
      const decided = scopeTable.container!(asking)
      return decided !== undefined && 'former' in decided ? undefined : decided
    }
    const holding = holds({ scopeRows: { ...scopeTable, container } })
    const { failed } = await fc.check(holding, { seed: 3, numRuns: 500, endOnFailure: true })
    expect(failed).toBe(true)
  }, 60_000)
})
