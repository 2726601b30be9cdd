// The local addresses as they are now, cheap enough to look at several times a second: where the kernel tells of changes,
// nothing is read until it does; else two small tables say whether anything changed, and only then are the interfaces
// listed. Nobody waits for that list: what has come meanwhile is in the tables.
import { readFileSync } from 'node:fs'
import type { Clock } from '../lib/clock.ts'
import {
  type AddressTables,
  type InterfaceList,
  type LocalAddresses,
  readInterfaces,
  sameAddresses,
} from '../lib/interfaces.ts'
import { createInterfaceList } from './interface-list.ts'
import type { Heard } from './netlink.ts'

export interface Addresses {
  /** The same object as long as nothing changed. */
  current(): LocalAddresses
  /** What is new is there at once; what is gone, and the subnets of what is new, once the interfaces are listed. */
  look(): LocalAddresses
}

export interface AddressSources {
  /** Linux; '' where there is none. */
  tables(): AddressTables
  /** Rejects where there are too many open files. */
  interfaces(): Promise<InterfaceList>
}

/** What no table tells (a carrier that came, other systems' changes) is seen after this, ms. */
const listEvery = 2000
/** The same where the kernel would have told, ms. */
const listRarely = 10_000

/** `hear`: what the kernel has told since it was called last. Rejects as `interfaces` does. */
export async function createAddresses(
  clock: Pick<Clock, 'monotonic'>,
  hear: (() => Heard) | undefined,
  sources: AddressSources = systemSources(),
): Promise<Addresses> {
  let tables = sources.tables()
  let listedAt = clock.monotonic()
  let listing = await sources.interfaces()
  let addresses = readInterfaces(listing, tables)
  let isListing = false
  /** There are systems that give a socket to hear on and say nothing on it. */
  let isTold = hear !== undefined
  /** Told since the list was asked for, or to be treated as that. */
  let known: Heard = 'nothing'

  function take(now: AddressTables): void {
    tables = now
    const read = readInterfaces(listing, tables)
    if (!sameAddresses(read, addresses)) addresses = read
  }

  /** Whether the list has to be read now; `heard`: since the last look. */
  function isDue(heard: Heard): boolean {
    const pause = isTold && known === 'nothing' ? listRarely : listEvery
    if (known === 'addresses' || clock.monotonic() - listedAt >= pause) return true
    if (isTold && heard === 'nothing') return false
    const seen = sources.tables()
    return seen.v4 === '' || seen.v4 !== tables.v4 || seen.v6 !== tables.v6
  }

  async function list(): Promise<void> {
    const wasQuiet = isTold && known === 'nothing'
    const before = addresses
    isListing = true
    listedAt = clock.monotonic()
    known = 'nothing'
    try {
      take(sources.tables())
      listing = await sources.interfaces()
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
    look() {
      const heard = hear?.() ?? 'nothing'
      if (known === 'nothing' || heard === 'addresses') known = heard
      if (isListing) {
        if (!isTold || heard !== 'nothing') take(sources.tables())
      } else if (isDue(heard)) void list()
      return addresses
    },
  }
}

/** `interfaces`: default as Node lists them, on a thread of our own. */
export const systemSources = (interfaces = createInterfaceList()): AddressSources => ({
  tables: () => ({ v4: readTable('/proc/net/fib_trie'), v6: readTable('/proc/net/if_inet6') }),
  interfaces,
})

/** Linux only. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
