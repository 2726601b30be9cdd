// Who asks, where, and what that one may see, for a drawn estate: safe is never more, whole is all of it. And what there
// is to ask for.
import { reverseName } from '../../../src/dns/reverse.ts'
import {
  addressOf,
  type Drawn,
  foundBy,
  gatewayOf,
  holdersOf,
  isHere,
  memberName,
  membersOf,
  netName,
  networksAround,
  networksOf,
  words,
} from './drawn.ts'

export interface Asker {
  readonly what: string
  readonly address: string
  readonly local: string
  /** Indexes of the networks it may see. */
  readonly may: readonly number[]
  /** Whether it must see all of them. */
  readonly whole: boolean
  /** undefined: either way. */
  readonly forwards: boolean | undefined
  /** What any question of it comes to that is not forwarded, where that is one thing. */
  readonly always?: 'REFUSED' | 'SERVFAIL' | undefined
  /** For askers that the HTTP API knows by name. */
  readonly member?: number
}

export const zone = 'docker.internal'
export const own = '10.200.0.1'
export const allowed = '192.0.2.7'

export function askersOf(told: Drawn): Asker[] {
  const { networks, members, states } = told
  const known = everyNetwork(told).filter((n) => states[networks[n]!.engine] !== 'unsynced')
  const none = Object.values(states).every((state) => state === 'unsynced')
  const some = (['one', 'two'] as const).some(
    (engine) => told.remote[engine] === undefined && states[engine] === 'unsynced',
  )
  const mayForward = (may: readonly number[]) => may.some((n) => !networks[n]!.internal)
  const askers: Asker[] = []

  /** By the address alone: asked at one that says nothing of whose it is. */
  const byAddress = (what: string, address: string, subnet: number, local = '127.0.0.1'): Asker => {
    const holders = holdersOf(told, address)
    const unsure = holders.length === 0 || holders.some((j) => states[members[j]!.engine] === 'away')
    const around = networksAround(told, subnet)
    const each = holders.map((j) => networksOf(told, j))
    const common = (each[0] ?? []).filter((m) => each.every((list) => list.includes(m)))
    return {
      ...{ what, address, local },
      may: unsure ? (around.length === 1 ? around : []) : common,
      whole: holders.length < 2 && (holders.length === 0 || !unsure),
      forwards: around.length === 0 ? false : undefined,
      always: around.length === 0 ? 'REFUSED' : undefined,
    }
  }

  members.forEach((member, i) => {
    const { engine } = member
    for (const n of networksOf(told, i)) {
      if (!membersOf(told, n).includes(i)) continue
      const address = addressOf(told, i, n)
      const { subnet } = networks[n]!
      const local = gatewayOf(told, n)
      askers.push(byAddress(`member ${i} from network ${n}, at another address`, address, subnet))
      if (!isHere(told, member)) {
        askers.push(
          byAddress(`member ${i} elsewhere, at the gateway of network ${n}`, address, subnet, local),
        )
        continue
      }
      // Of an engine that is away the address may have another owner by now: nothing but the network is sure.
      const may = states[engine] === 'away' ? [n] : networksOf(told, i)
      askers.push({
        ...{ what: `member ${i} at the gateway of network ${n}`, address, local, may, whole: true },
        ...{ forwards: mayForward(may), member: i },
      })
    }
  })

  for (const n of known) {
    const local = gatewayOf(told, n)
    const { subnet } = networks[n]!
    const address = `10.${subnet}.251.9`
    if (!isHere(told, networks[n]!)) {
      askers.push(byAddress(`an address of network ${n} elsewhere`, address, subnet, local))
      askers.push(byAddress(`the gateway of network ${n} elsewhere`, local, subnet))
      continue
    }
    askers.push({
      ...{ what: `an address of network ${n} that nobody is known to have`, local },
      ...{ address, may: [n], whole: true, forwards: mayForward([n]) },
    })
    const may = { refuse: [], network: [n], host: everyNetwork(told) }[told.gateway]
    askers.push({
      ...{ what: `who is behind the gateway of network ${n}`, address: local, local, may, whole: true },
      forwards: told.gateway === 'host',
      always: told.gateway === 'refuse' ? 'REFUSED' : undefined,
    })
  }
  for (const subnet of [0, 1, 2]) {
    const around = networksAround(told, subnet)
    if (around.length < 2) continue
    askers.push({
      ...{
        what: `an address that several networks might have`,
        address: `10.${subnet}.251.9`,
        local: '127.0.0.1',
      },
      ...{ may: [], whole: true, forwards: undefined },
    })
  }
  for (const address of ['127.0.0.1', '127.0.0.11', '::1', '::ffff:127.0.0.1', own]) {
    askers.push({
      ...{ what: `the host as ${address}`, address, local: address, may: none ? [] : everyNetwork(told) },
      ...{ whole: true, forwards: true, always: none ? 'SERVFAIL' : undefined },
    })
  }
  askers.push({
    ...{
      what: 'a neighbour that no engine told of',
      address: '10.200.0.9',
      local: own,
      may: [],
      whole: true,
    },
    ...{ forwards: some, always: some ? 'SERVFAIL' : 'REFUSED' },
  })
  askers.push({
    ...{ what: 'one in scope.allow', address: allowed, local: own, may: [], whole: true, forwards: true },
  })
  askers.push({
    ...{ what: 'a stranger', address: '203.0.113.9', local: own, may: [], whole: true, forwards: false },
    always: 'REFUSED',
  })
  return askers
}

export const everyNetwork = ({ networks }: Drawn) => networks.map((_, n) => n)
export const addressesIn = (told: Drawn, nets: readonly number[]) =>
  nets.flatMap((n) => membersOf(told, n).map((i) => addressOf(told, i, n)))
export const allAddresses = (told: Drawn) => [...new Set(addressesIn(told, everyNetwork(told)))]

/** Every name that is anywhere, in every form, and every address backwards. */
export function questionsFor(told: Drawn): [string, string][] {
  const names = [
    ...words,
    ...foundBy,
    'kin',
    'nobody',
    'deep.wild0',
    'wild1',
    ...told.members.map((_, i) => memberName(i)),
  ]
  const nets = everyNetwork(told).map(netName)
  const forms = names.flatMap((name) => [name, ...nets.map((net) => `${name}.${net}`)])
  const all = forms.flatMap((name) => [name, `${name}.${zone}`])
  return [
    ...all.flatMap((name): [string, string][] => [
      [name, 'A'],
      [`_http._tcp.${name}`, 'SRV'],
      [`_80._tcp.${name}`, 'SRV'],
    ]),
    ...allAddresses(told).map((address): [string, string] => [reverseName(address), 'PTR']),
  ]
}
