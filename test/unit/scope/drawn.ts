// Estates drawn at random, and who may see what in them: told from the drawing alone, never by what is tested.
import fc from 'fast-check'
import type { Network, Reach, Snapshot } from '../../../src/registry/types.ts'
import { container, estate, network } from '../resolve/estate.ts'

export interface DrawnNetwork {
  readonly engine: 'one' | 'two'
  readonly internal: boolean
  /** Of three; networks may share one, as engines do not know of each other. */
  readonly subnet: number
}

export interface DrawnMember {
  readonly engine: 'one' | 'two'
  /** Indexes of networks; those of another engine do not count. */
  readonly on: readonly number[]
  readonly names: readonly string[]
  readonly running: boolean
  readonly port: boolean
  readonly wildcard: boolean
  /** Alias "kin" for the member of this index; null: it has no link. */
  readonly link: number | null
  readonly health?: 'none' | 'unhealthy'
}

export interface Drawn {
  readonly networks: readonly DrawnNetwork[]
  readonly members: readonly DrawnMember[]
  readonly states: Readonly<Record<'one' | 'two', 'live' | 'away' | 'unsynced'>>
  /** Engines that run elsewhere; both may. */
  readonly remote: Readonly<Record<'one' | 'two', Reach | undefined>>
  readonly gateway: 'refuse' | 'network' | 'host'
}

export const words = ['a', 'b', 'c', 'b.c', 'x']
/** Aliases that are found by other names than their own, as `foundBy`. */
const odd = ['*.b', 'Ü.x']
export const foundBy = ['q.b', 'xn--tda.x']
const drawnName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.constantFrom(...odd) },
)
const netNames = ['a', 'b', 'c', 'b.c', 'n']

const engine = fc.constantFrom<'one' | 'two'>('one', 'one', 'two')
const state = fc.constantFrom<'live' | 'away' | 'unsynced'>('live', 'live', 'live', 'away', 'unsynced')
export const drawnReach = fc.constantFrom<Reach | undefined>(undefined, 'none', 'routed')
export const drawnNetwork: fc.Arbitrary<DrawnNetwork> = fc.record({
  engine,
  internal: fc.boolean(),
  subnet: fc.nat(2),
})
export const drawnMember: fc.Arbitrary<DrawnMember> = fc.record({
  engine,
  on: fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 4 }),
  names: fc.array(drawnName, { maxLength: 3 }),
  running: fc.constantFrom(true, true, true, false),
  port: fc.boolean(),
  wildcard: fc.boolean(),
  link: fc.option(fc.nat(6), { freq: 2 }),
})
export const drawn: fc.Arbitrary<Drawn> = fc.record({
  networks: fc.array(drawnNetwork, { minLength: 1, maxLength: 5 }),
  members: fc.array(drawnMember, { minLength: 1, maxLength: 7 }),
  states: fc.record({ one: state, two: state }),
  remote: fc.record({
    one: fc.constantFrom<Reach | undefined>(undefined, undefined, undefined, 'none', 'routed'),
    two: drawnReach,
  }),
  gateway: fc.constantFrom<'refuse' | 'network' | 'host'>('refuse', 'network', 'host'),
})

export const netName = (n: number) => netNames[n]!
export const memberName = (i: number) => `k${i}`
export const gatewayOf = ({ networks }: Drawn, n: number) => `10.${networks[n]!.subnet}.${n}.1`

/** No two on one network, but on networks that share a subnet. */
export function addressOf({ networks }: Drawn, i: number, n: number): string {
  return `10.${networks[n]!.subnet}.250.${((i + n) % 7) + 2}`
}

export function isOn({ networks, members, states }: Drawn, i: number, n: number): boolean {
  const member = members[i]!
  return (
    member.on.includes(n) && networks[n]?.engine === member.engine && states[member.engine] !== 'unsynced'
  )
}

export function networksOf(estate: Drawn, i: number): number[] {
  return estate.networks.flatMap((_, n) => (isOn(estate, i, n) ? [n] : []))
}

/** Running members on a network. */
export function membersOf(estate: Drawn, n: number): number[] {
  return estate.members.flatMap(({ running }, i) => (running && isOn(estate, i, n) ? [i] : []))
}

export function isHere({ remote }: Drawn, { engine }: DrawnNetwork | DrawnMember): boolean {
  return remote[engine] === undefined
}

/** Members of local engines that have this address, wherever. */
export function holdersOf(estate: Drawn, address: string): number[] {
  return estate.members.flatMap((member, i) =>
    isHere(estate, member) &&
    networksOf(estate, i).some((n) => membersOf(estate, n).includes(i) && addressOf(estate, i, n) === address)
      ? [i]
      : [],
  )
}

/** Networks of local engines, as far as berth knows them, whose subnet holds 10.SUBNET.x.y. */
export function networksAround(estate: Drawn, subnet: number): number[] {
  const { networks, states } = estate
  return networks.flatMap((net, n) =>
    net.subnet === subnet && isHere(estate, net) && states[net.engine] !== 'unsynced' ? [n] : [],
  )
}

/** Whether anybody is told the addresses of a network: those elsewhere only where they lead there, and nowhere else. */
export function isReached(estate: Drawn, n: number): boolean {
  const { networks, states, remote } = estate
  const { engine, subnet, internal } = networks[n]!
  if (remote[engine] === undefined) return true
  const awaitsLocal = (['one', 'two'] as const).some(
    (each) => remote[each] === undefined && states[each] === 'unsynced',
  )
  return (
    remote[engine] === 'routed' && !internal && !awaitsLocal && networksAround(estate, subnet).length === 0
  )
}

/** What the engines that have been read tell, and how each of them is. */
export function factsOf(told: Drawn) {
  const networks: Network[] = told.networks.flatMap(({ engine, internal, subnet }, n) =>
    told.states[engine] === 'unsynced'
      ? []
      : [network(netName(n), [`10.${subnet}.0.0/16`], { engine, internal, gateways: [gatewayOf(told, n)] })],
  )
  const containers = told.members.flatMap(
    ({ engine, running, names, port, wildcard, link, health = 'none' }, i) => {
      if (told.states[engine] === 'unsynced') return []
      const links = new Map(link === null ? [] : [['kin', memberName(link)]])
      const places = networksOf(told, i).map((n) => [
        netName(n),
        { at: running ? [addressOf(told, i, n)] : [], names, links },
      ])
      const labels = {
        ...(port ? { 'berth.port.http': '80' } : {}),
        ...(wildcard ? { 'berth.names': `*.wild${i % 2}` } : {}),
      }
      return [container(memberName(i), Object.fromEntries(places), { engine, running, health, labels })]
    },
  )
  const states = Object.fromEntries(
    Object.entries(told.states).map(([name, now]) => [
      name,
      { synced: now !== 'unsynced', away: now === 'away', remote: told.remote[name as 'one' | 'two'] },
    ]),
  )
  return { networks, containers, states }
}

export function snapshotOf(told: Drawn): Snapshot {
  const { networks, containers, states } = factsOf(told)
  return estate(networks, containers, states)
}
