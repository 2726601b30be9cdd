// For any estate, whoever asks, by whatever way: nothing of a container with which it shares no network, and all of
// what it may see. That it bites is shown by taking out each row of the scope table.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reach } from '../../../src/registry/types.ts'
import { type Scope, scopeTable } from '../../../src/scope/scope.ts'
import { type Asker, addressesIn, allAddresses, askersOf, questionsFor, zone } from './askers.ts'
import {
  addressOf,
  type Drawn,
  drawn,
  isReached,
  memberName,
  membersOf,
  netName,
  networksAround,
  networksOf,
  snapshotOf,
} from './drawn.ts'
import { elsewhere, type Seen, type Ways, type WaysOptions, waysInto } from './ways.ts'

const anybody: Scope = {
  ...{
    view: 'networks',
    rule: 'container',
    networks: [],
    forwards: true,
    incomplete: false,
    containerId: undefined,
    links: undefined,
    former: undefined,
  },
}
const both = (reach: Reach | undefined) => ({ one: reach, two: reach })
const reached = (told: Drawn, nets: readonly number[]) => nets.filter((n) => isReached(told, n))
/** An address of which no local engine knows is anybody's to tell: other engines' networks are no part of this machine. */
const isElsewhere = (told: Drawn, address: string) =>
  networksAround(told, Number(address.split('.')[1])).length === 0

/** What is wrong with what an asker has seen, in words; nothing where nothing is. */
function faults(told: Drawn, asker: Asker, question: string, seen: Seen): string[] {
  const who = `${asker.what}, ${question}`
  const addresses = addressesIn(told, reached(told, asker.may))
  // A port's target is a name that may be known without an address.
  const nets = question.endsWith(' PTR') ? reached(told, asker.may) : asker.may
  const names = nets.flatMap((n) => membersOf(told, n).map((i) => `${memberName(i)}.${netName(n)}`))
  // A target is the asked name, or one under the networks' names; a PTR is the container's on its network.
  const isNamed = (name: string) => {
    const bare = name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : name
    return names.includes(bare) || (question.endsWith(' SRV') && seen.addresses.length > 0)
  }
  return [
    ...seen.addresses
      .filter((each) => !addresses.includes(each) && each !== elsewhere)
      .map((each) => `${who}: got ${each}`),
    ...seen.names.filter((each) => !isNamed(each)).map((each) => `${who}: was told of ${each}`),
    ...(asker.always !== undefined && !seen.forwarded && seen.rcode !== asker.always
      ? [`${who}: ${seen.rcode}`]
      : []),
  ]
}

async function faultsOfNames(told: Drawn, asker: Asker, ways: Ways): Promise<string[]> {
  const found: string[] = []
  for (const [name, type] of questionsFor(told)) {
    found.push(
      ...faults(told, asker, `${name} ${type}`, await ways.wire(asker.address, asker.local, name, type)),
    )
  }
  if (!asker.whole) return found
  for (const n of reached(told, asker.may)) {
    for (const i of membersOf(told, n)) {
      const name = `${memberName(i)}.${netName(n)}.${zone}`
      const { addresses } = await ways.wire(asker.address, asker.local, name, 'A')
      if (!addresses.includes(addressOf(told, i, n))) found.push(`${asker.what}: ${name} is not found`)
    }
  }
  return found
}

/** What others have asked for before, a neighbour in the list and one far from there, may be kept. */
async function faultsOfFastAnswers(told: Drawn, asker: Asker, ways: Ways): Promise<string[]> {
  const askers = askersOf(told)
  const at = askers.findIndex(({ what }) => what === asker.what)
  for (const step of [1, Math.ceil(askers.length / 2)]) {
    const other = askers[(at + step) % askers.length]!
    for (const [name, type] of questionsFor(told)) await ways.wire(other.address, other.local, name, type)
  }
  return faultsOfNames(told, asker, ways)
}

/** An upstream that answers with somebody's address; `before`: the table when it is asked, if another. */
async function faultsOfForwarding(
  told: Drawn,
  asker: Asker,
  ways: Ways,
  changing: boolean,
): Promise<string[]> {
  const found: string[] = []
  const now = ways.table
  const empty = snapshotOf({ ...told, members: [] })
  const inSubnet = (address: string) =>
    asker.may.some((n) => address.startsWith(`10.${told.networks[n]!.subnet}.`))
  const isHost = asker.forwards === true && asker.may.length === told.networks.length
  for (const answer of allAddresses(told)) {
    ways.table = changing ? empty : now
    ways.upstream = { answer, becomes: changing ? now : undefined }
    const seen = await ways.wire(asker.address, asker.local, ways.fresh(), 'A')
    // Before members were known, their address was only one in a subnet.
    if (!changing && asker.forwards !== undefined && seen.forwarded !== asker.forwards) {
      found.push(`${asker.what}: forwarded ${seen.forwarded}`)
    }
    for (const address of seen.addresses) {
      if (!isHost && !inSubnet(address) && !isElsewhere(told, address)) {
        found.push(`${asker.what}: an upstream's ${address}`)
      }
    }
  }
  ways.table = now
  return found
}

/**
 * An answer that the host was the first to get. `shared`: the asker asks before it is there, else after. Networks
 * come between, as an answer with an address that is Docker's already is not kept.
 */
async function faultsOfAnswersForOthers(
  told: Drawn,
  asker: Asker,
  ways: Ways,
  shared: boolean,
): Promise<string[]> {
  const found: string[] = []
  const now = ways.table
  const bare = snapshotOf({ ...told, networks: [], members: [] })
  const isHost = asker.forwards === true && asker.may.length === told.networks.length
  const inSubnet = (address: string) =>
    asker.may.some((n) => address.startsWith(`10.${told.networks[n]!.subnet}.`))
  for (const answer of allAddresses(told)) {
    let answerNow = () => {}
    const after = new Promise<void>((resolve) => {
      answerNow = resolve
    })
    ways.table = bare
    ways.upstream = { answer, becomes: undefined, ...(shared ? { after } : {}) }
    const name = ways.fresh()
    const before = ways.exchanges
    const first = ways.wire('127.0.0.1', '127.0.0.1', name, 'A')
    if (!shared) await first
    ways.table = now
    const second = ways.wire(asker.address, asker.local, name, 'A')
    answerNow()
    const [seenFirst, seen] = await Promise.all([first, second])
    if (!shared && !seenFirst.addresses.includes(answer)) found.push(`the host did not get ${answer}`)
    if (seen.forwarded && ways.exchanges !== before + 1) found.push(`${ways.exchanges - before} exchanges`)
    for (const address of seen.addresses) {
      if (!isHost && !inSubnet(address) && !isElsewhere(told, address)) {
        found.push(`${asker.what}: the host's ${address}`)
      }
    }
  }
  return found
}

async function faultsOfHttp(told: Drawn, asker: Asker, ways: Ways): Promise<string[]> {
  const found: string[] = []
  if (asker.member === undefined) return found
  // By name it is asked as from the first of its networks.
  const all = networksOf(told, asker.member)
  const away = told.states[told.members[asker.member]!.engine] === 'away'
  const as = { kind: 'container', name: memberName(asker.member) } as const
  const first = { ...asker, may: away ? [all[0]!] : all, what: `HTTP as member ${asker.member}` }
  for (const [name, type] of questionsFor(told)) {
    found.push(...faults(told, first, `${name} ${type}`, await ways.http(as, name, type)))
  }
  for (const answer of allAddresses(told)) {
    ways.upstream = { answer, becomes: undefined }
    const { addresses } = await ways.http(as, ways.fresh(), 'A')
    const seen = addresses.filter(
      (each) =>
        !first.may.some((n) => each.startsWith(`10.${told.networks[n]!.subnet}.`)) &&
        !isElsewhere(told, each),
    )
    found.push(...seen.map((each) => `${first.what}: an upstream's ${each}`))
  }
  const may = addressesIn(told, first.may)
  found.push(
    ...ways
      .list(as)
      .filter((each) => !may.includes(each))
      .map((each) => `${first.what}: lists ${each}`),
  )
  return found
}

const ways: Record<string, (told: Drawn, asker: Asker, into: Ways) => Promise<string[]>> = {
  'names, SRV and PTR': faultsOfNames,
  'answers kept fast for others': faultsOfFastAnswers,
  'what is forwarded': (told, asker, into) => faultsOfForwarding(told, asker, into, false),
  'what is forwarded while the table changes': (told, asker, into) =>
    faultsOfForwarding(told, asker, into, true),
  'answers kept for others': (told, asker, into) => faultsOfAnswersForOthers(told, asker, into, false),
  'answers shared with others': (told, asker, into) => faultsOfAnswersForOthers(told, asker, into, true),
  'the HTTP API': faultsOfHttp,
}

/** Those that ask most; all others 400. */
const runsOf: Readonly<Record<string, number>> = {
  'names, SRV and PTR': 150,
  'answers kept fast for others': 100,
}

/** `taken`: what berth takes the drawing for. */
function holds(
  way: (typeof ways)[string],
  { taken = (told) => told, ...options }: WaysOptions & { taken?: (told: Drawn) => Drawn } = {},
) {
  return fc.asyncProperty(drawn, fc.nat(), async (told, which) => {
    const askers = askersOf(told)
    const asker = askers[which % askers.length]!
    const into = waysInto(snapshotOf(taken(told)), told.gateway, options)
    expect(await way(told, asker, into)).toEqual([])
  })
}

describe('nobody is told of what it shares no network with, and everybody of all it does', () => {
  it.each(Object.keys(ways))(
    'by %s',
    async (way) => {
      await fc.assert(holds(ways[way]!), { numRuns: runsOf[way] ?? 400 })
    },
    240_000,
  )
})

describe('the property fails', () => {
  it.each(Object.keys(scopeTable))(
    'without the row %s',
    async (row) => {
      const { [row]: _, ...rest } = scopeTable
      let failed = false
      for (const way of ['what is forwarded', 'names, SRV and PTR']) {
        failed ||= (
          await fc.check(holds(ways[way]!, { scopeRows: rest }), { numRuns: 500, endOnFailure: true })
        ).failed
      }
      expect(failed).toBe(true)
    },
    240_000,
  )

  it.each<[string, (told: Drawn) => Drawn]>([
    ['remote engines are taken for local ones', (told) => ({ ...told, remote: both(undefined) })],
    [
      'what they have is thought to be reached',
      ({ remote, ...told }) => ({
        ...told,
        remote: { one: remote.one && 'routed', two: remote.two && 'routed' },
      }),
    ],
    [
      'what they have is thought not to be',
      ({ remote, ...told }) => ({
        ...told,
        remote: { one: remote.one && 'none', two: remote.two && 'none' },
      }),
    ],
    ['all engines are taken for remote ones', (told) => ({ ...told, remote: both('routed') })],
  ])(
    'where %s',
    async (_, taken) => {
      const { failed } = await fc.check(holds(ways['names, SRV and PTR']!, { taken }), {
        ...{ seed: 3, numRuns: 1000 },
        endOnFailure: true,
      })
      expect(failed).toBe(true)
    },
    240_000,
  )

  it.each<[string, (scope: Scope) => Scope]>([
    ['the scope', () => ({ ...anybody })],
    ['its networks', (scope) => ({ ...scope, networks: [] })],
  ])(
    'where fast answers are kept without %s',
    async (_, fastSee) => {
      const holding = holds(ways['answers kept fast for others']!, { fastSee })
      const { errorInstance } = await fc.check(holding, { ...{ seed: 3, numRuns: 1000 }, endOnFailure: true })
      expect((errorInstance as { actual?: string[] } | null)?.actual?.length).toBeGreaterThan(0)
    },
    240_000,
  )

  it.each(['kept for', 'shared with'])('where answers are checked before they are %s others', async (way) => {
    const holding = holds(ways[`answers ${way} others`]!, { checksBeforeCache: true })
    const { errorInstance } = await fc.check(holding, { numRuns: 500, endOnFailure: true })
    const { actual } = errorInstance as { actual: string[] }
    expect(actual.length).toBeGreaterThan(0)
    for (const fault of actual) expect(fault).toMatch(/: the host's 10\./)
  })
})
