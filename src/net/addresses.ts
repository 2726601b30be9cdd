// The local addresses as they are now, cheap enough to look at several times a second: on Linux two small tables tell
// whether anything changed, and only then are the interfaces listed, which takes milliseconds where there are many.
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../lib/clock.ts'
import { type AddressTables, type LocalAddresses, readInterfaces, sameAddresses } from '../lib/interfaces.ts'

export interface Addresses {
  /** As of the last look; the same object as long as nothing changed. */
  current(): LocalAddresses
  look(): LocalAddresses
}

export interface AddressSources {
  tables(): AddressTables
  interfaces(): ReturnType<typeof networkInterfaces>
}

/** What no table tells (a carrier that came, other systems' changes) is seen after this, ms. */
const listEvery = 2000

export function createAddresses(
  clock: Pick<Clock, 'monotonic'>,
  sources: AddressSources = systemSources,
): Addresses {
  let tables = sources.tables()
  let listedAt = clock.monotonic()
  let addresses = readInterfaces(sources.interfaces(), tables)

  return {
    current: () => addresses,
    look() {
      const seen = sources.tables()
      const now = clock.monotonic()
      const isKnown = seen.v4 !== '' && seen.v4 === tables.v4 && seen.v6 === tables.v6
      if (isKnown && now - listedAt < listEvery) return addresses
      tables = seen
      listedAt = now
      try {
        const read = readInterfaces(sources.interfaces(), tables)
        if (!sameAddresses(read, addresses)) addresses = read
      } catch {
        // Too many files are open: what was known last holds until the next look.
      }
      return addresses
    },
  }
}

const systemSources: AddressSources = {
  tables: () => ({ v4: readTable('/proc/net/fib_trie'), v6: readTable('/proc/net/if_inet6') }),
  interfaces: networkInterfaces,
}

/** Linux only. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
