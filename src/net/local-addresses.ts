// The local addresses as they are now, cheap enough to look at several times a second: where the kernel tells of changes,
// nothing is read until it does; else two small tables say whether anything changed, and only then are the interfaces
// listed. Nobody waits for that list: what has come meanwhile is in the tables. Those of IPv6 tell all there is to know, so
// that the link-local address of each container's link, which comes and goes with it, is read there and asked for nowhere.
import { readFileSync } from 'node:fs'
import type { Clock } from '../lib/clock.ts'
import {
  type AddressTables,
  createKnownAddresses,
  type InterfaceList,
  type LocalAddress,
  type LocalAddresses,
  readInterfaces,
  sameAddresses,
} from '../lib/interfaces.ts'
import { familyOf } from '../lib/ip.ts'
import { createInterfaceList } from './interface-list.ts'
import { createSysPorts, type Ports } from './linux/bridge-ports.ts'
import type { Heard } from './linux/netlink.ts'

export interface Addresses {
  /** The same object as long as nothing changed. */
  current(): LocalAddresses
  /** What is new is there at once; what is gone, and the subnets of what is new, once the interfaces are listed. */
  look(): LocalAddresses
  /** Whether nothing has to be looked at until the kernel tells of something. */
  isAtRest(): boolean
}

export interface AddressSources {
  /** Linux; '' where there is none. */
  tables(): AddressTables
  /** `only`: of one family alone. The same object as long as it is the same list. Rejects where there are too many open files. */
  interfaces(only?: 'IPv4'): Promise<InterfaceList>
  /** Which links are a bridge's ports. */
  readonly ports: Ports
}

/** What no table tells (a carrier that came, other systems' changes) is seen after this, ms. */
const listEvery = 2000
/** The same where the kernel would have told, ms. */
const listRarely = 10_000
/** Tables are read so often for links that change, as with each container; what changes of addresses is told as such, ms. */
const linksEvery = 1000

/** `hear`: what the kernel has told since it was called last. Rejects as `interfaces` does. */
export async function createAddresses(
  clock: Pick<Clock, 'monotonic'>,
  hear: (() => Heard) | undefined,
  sources: AddressSources = systemSources(),
): Promise<Addresses> {
  let tables = sources.tables()
  let listedAt = clock.monotonic()
  const ask = () => sources.interfaces(tables.v6 === '' ? undefined : 'IPv4')
  let [listing] = await Promise.all([ask(), sources.ports.renew(true)])
  let ports: ReadonlySet<number> = new Set()
  const portsAmong = (local: LocalAddresses['all']) => {
    ports = sources.ports.among(local)
    return ports
  }
  const reading = createKnownAddresses()
  let addresses = readInterfaces(listing, tables, portsAmong, reading)
  /** The list that they are of. */
  let taken = listing
  let hasGaps = findGaps(addresses)
  let isListing = false
  /** There are systems that give a socket to hear on and say nothing on it. */
  let isTold = hear !== undefined
  /** Told since the list was asked for, or to be treated as that. */
  let known: Heard = 'nothing'
  /** Links have changed for which the tables have not been read, and when these last were for such. */
  let isStirred = false
  let stirredAt = Number.NEGATIVE_INFINITY

  function take(now: AddressTables, isOther = arePortsOther()): void {
    if (areSame(now, tables) && listing === taken && !isOther) return
    tables = now
    taken = listing
    const read = readInterfaces(listing, tables, portsAmong, reading)
    if (sameAddresses(read, addresses)) return
    addresses = read
    hasGaps = findGaps(read)
  }

  function arePortsOther(): boolean {
    const before = ports
    return (
      portsAmong(addresses.all) !== before && addresses.all.some((local) => isPort(local) !== local.unaskable)
    )
  }

  const isPort = ({ zone }: LocalAddress) => ports.has(zone)

  /** How long a list holds, ms. */
  function pause(): number {
    return isTold && (known === 'nothing' || !hasGaps) ? listRarely : listEvery
  }

  /** Whether the list has to be read now; `heard`: since the last look. */
  function isDue(heard: Heard): boolean {
    // What is in neither table (a longer life) may be in the list.
    if (heard === 'addresses') return !sources.ports.isSure() || !takeTable6(sources.tables())
    const now = clock.monotonic()
    if (now - listedAt >= pause()) return true
    if (!isTold) return haveChanged(sources.tables())
    if (heard === 'links') isStirred = true
    if (!isStirred || now - stirredAt < linksEvery) return false
    isStirred = false
    stirredAt = now
    const seen = sources.tables()
    const before = addresses
    return haveChanged(seen) && !(takeTable6(seen) && sameAddresses(askable(before), askable(addresses)))
  }

  const haveChanged = (seen: AddressTables) => seen.v4 === '' || !areSame(seen, tables)

  /** Whether the table of IPv6 addresses is other, and that of IPv4 is not: then it is taken, and tells all there is to know. */
  function takeTable6(seen: AddressTables): boolean {
    if (seen.v6 === '' || seen.v4 === '' || seen.v4 !== tables.v4 || seen.v6 === tables.v6) return false
    take(seen)
    // Of links as well, maybe.
    known = 'links'
    return true
  }

  async function list(): Promise<void> {
    const wasQuiet = isTold && known === 'nothing'
    const before = addresses
    isListing = true
    listedAt = clock.monotonic()
    known = 'nothing'
    try {
      take(sources.tables())
      const renewed = sources.ports.renew(wasQuiet || !isTold)
      listing = await ask()
      await renewed
      take(tables)
      if (wasQuiet && addresses !== before) {
        // What happened between hearing and reading is told now.
        if (known === 'nothing') known = hear!()
        isTold = known !== 'nothing'
      }
    } catch {
      // What was known last holds until the next look.
      known = 'addresses'
    }
    isListing = false
  }

  return {
    current: () => addresses,
    isAtRest: () => isTold && known === 'nothing' && !isListing && !isStirred && sources.ports.isSure(),
    look() {
      const heard = hear?.() ?? 'nothing'
      // Could not be listed, or told while that was under way.
      const isOwed = known === 'addresses'
      if (known === 'nothing' || heard === 'addresses') known = heard
      if (isListing) {
        if (!isTold || heard !== 'nothing') take(sources.tables())
      } else if (isOwed || isDue(heard)) void list()
      // Also while a list is on its way: a port that is new has an address already, and one that is none any more is mostly
      // gone with its own, of which nothing was told.
      const areOther = arePortsOther()
      take(areOther ? sources.tables() : tables, areOther)
      return addresses
    },
  }
}

/** Without those of a bridge's ports, which come and go with links. */
function askable({ all }: LocalAddresses): Pick<LocalAddresses, 'all'> {
  return { all: all.filter(({ unaskable }) => !unaskable) }
}

function areSame(a: AddressTables, b: AddressTables): boolean {
  return a.v4 === b.v4 && a.v6 === b.v6
}

/** Whether there are IPv4 addresses that only the list knows, or only the table: a carrier that came or went may tell more. */
function findGaps({ all }: LocalAddresses): boolean {
  return all.some(({ address, interface: name, unbindable }) => {
    return familyOf(address) === 4 && (name === '' || unbindable)
  })
}

/** `ports`: of whoever hears the kernel. `interfaces`: default as Node lists them, on a thread of our own. */
export const systemSources = (
  ports: Ports = createSysPorts(),
  interfaces = createInterfaceList(),
): AddressSources => ({
  tables: () => ({
    v4: readTable('/proc/net/fib_trie', 'latin1'),
    v6: readTable('/proc/net/if_inet6', 'utf8'),
  }),
  interfaces,
  ports,
})

/** Linux only. Names of interfaces may be in any script. */
function readTable(path: string, encoding: BufferEncoding): string {
  try {
    return readFileSync(path, encoding)
  } catch {
    return ''
  }
}
