// Local addresses, looked at often: the interfaces are listed when a table changed or the kernel says so, and now and then
// all the same; nobody waits for the list.
import { describe, expect, it } from 'vitest'
import type { Heard } from '../../../src/net/linux/netlink.ts'
import { createAddresses } from '../../../src/net/local-addresses.ts'
import { createHandClock } from '../../hand-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function watch(tables: { v4: string; v6: string }, told?: Heard[]) {
  const hand = createHandClock()
  const seen = {
    ...{ listings: 0, reads: 0, tables, address: '192.0.2.1', isFull: false },
    ports: new Set<number>() as ReadonlySet<number>,
    isSure: true,
    renewals: [] as boolean[],
    /** The list is not there before this is. */
    held: Promise.resolve(),
  }
  const addresses = await createAddresses(hand.clock, told && (() => told.shift() ?? 'nothing'), {
    tables() {
      seen.reads++
      return seen.tables
    },
    async interfaces() {
      if (seen.isFull) throw new Error('EMFILE')
      seen.listings++
      await seen.held
      const cidr = `${seen.address}/24`
      const base = { address: seen.address, cidr, netmask: '255.255.255.0', family: 'IPv4' as const }
      return { eth0: [{ ...base, mac: '00:00:00:00:00:00', internal: false }] }
    },
    ports: {
      among: () => seen.ports,
      renew: async (all) => void seen.renewals.push(all),
      isSure: () => seen.isSure,
    },
  })
  /** A look, and the list that comes of it. */
  const look = async () => {
    addresses.look()
    await turn()
    return addresses.current()
  }
  const own = async () => [...(await look()).own].join(' ')
  return { hand, seen, addresses, look, own }
}

const row = 'fd000000000000000000000000000002 02 40 00'

it('lists the interfaces only once a table has changed, and keeps the object while nothing has', async () => {
  const { seen, addresses, look } = await watch({ v4: 'Main:', v6: `${row} 40 eth0\n` })
  const first = await look()
  for (let i = 0; i < 5; i++) expect(await look()).toBe(first)
  expect(seen.listings).toBe(1)
  seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
  const second = await look()
  expect(second.all.map(({ unbindable }) => unbindable)).toEqual([true, false])
  expect(addresses.look()).toBe(second)
  expect(seen.listings).toBe(2)
})

it('lists them after 2 s though no table has changed', async () => {
  const { hand, seen, own } = await watch({ v4: 'Main:', v6: '' })
  seen.address = '192.0.2.2'
  hand.at(1999)
  expect(await own()).toBe('192.0.2.1')
  hand.at(2000)
  expect(await own()).toBe('192.0.2.2')
})

describe('a link that becomes a bridge’s port', () => {
  const tables = { v4: 'Main:', v6: 'fe800000000000000000000000000002 1f 40 20 80 veth0\n' }
  const unaskable = (local: { all: readonly { unaskable: boolean; zone: number }[] }) =>
    local.all.filter((each) => each.unaskable).map(({ zone }) => zone)

  it.each([
    ['where the kernel tells', []],
    ['where it does not', undefined],
  ] as [string, Heard[] | undefined][])(
    'is known at the next look, and so is its leaving: %s',
    async (_where, told) => {
      const { seen, addresses } = await watch(tables, told)
      expect(unaskable(addresses.current())).toEqual([])
      seen.ports = new Set([0x1f, 0x20])
      expect(unaskable(addresses.look())).toEqual([0x1f])
      const before = addresses.current()
      expect(addresses.look()).toBe(before)
      seen.ports = new Set()
      expect(unaskable(addresses.look())).toEqual([])
      expect(seen.listings).toBe(1)
    },
  )

  it('is nowhere once it is gone: no address of it is one to ask, though only its link was told of', async () => {
    const told: Heard[] = []
    const { seen, addresses } = await watch(tables, told)
    seen.ports = new Set([0x1f])
    addresses.look()
    // Twice within a second: several containers end together.
    for (const zone of [0x1f, 0x20]) {
      const v6 = `fe800000000000000000000000000002 ${zone.toString(16)} 40 20 80 veth${zone}\n`
      seen.ports = new Set([zone])
      seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n${v6}` }
      told.push('addresses')
      addresses.look()
      told.push('links')
      seen.ports = new Set()
      seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
      expect(addresses.look().all.filter(({ zone }) => zone !== 0)).toEqual([])
    }
  })

  it('is looked for at once where something may have been missed', async () => {
    const told: Heard[] = ['addresses']
    const { seen, look } = await watch(tables, told)
    seen.isSure = false
    seen.tables = { ...tables, v6: `${row} 80 eth0\n` }
    await look()
    expect(seen.renewals).toEqual([true, false])
  })

  it('is known from the start, and looked for anew with every list that was not told', async () => {
    const told: Heard[] = []
    const { hand, seen, look } = await watch(tables, told)
    expect(seen.renewals).toEqual([true])
    told.push('addresses')
    await look()
    hand.at(10_000)
    await look()
    expect(seen.renewals).toEqual([true, false, true])
  })
})

it('lists them each time where there are no tables', async () => {
  const { seen, own } = await watch({ v4: '', v6: '' })
  seen.address = '192.0.2.2'
  expect(await own()).toBe('192.0.2.2')
  expect(seen.listings).toBe(2)
})

describe('while the list is long in coming', () => {
  async function waiting(told?: Heard[]) {
    const watched = await watch({ v4: 'Main:', v6: '' }, told)
    let come = () => {}
    watched.seen.held = new Promise((resolve) => {
      come = resolve
    })
    watched.seen.address = '192.0.2.2'
    watched.hand.at(10_000)
    return { ...watched, come: () => come() }
  }

  it.each([
    ['told by the kernel', ['nothing', 'addresses', 'addresses'] as Heard[]],
    ['not told', undefined],
  ])('what is new in the tables is there at once, and what is gone later: %s', async (_name, told) => {
    const { seen, own, come } = await waiting(told)
    expect(await own()).toBe('192.0.2.1')
    seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
    expect(await own()).toBe('192.0.2.1 fd00::2')
    seen.tables = { v4: 'Main:', v6: '' }
    expect(await own()).toBe('192.0.2.1')
    expect(seen.listings).toBe(2)
    come()
    await turn()
    expect(await own()).toBe('192.0.2.2')
  })

  it('another one is asked for only when it has come, at once where addresses were told', async () => {
    const told: Heard[] = ['nothing', 'addresses']
    const { hand, seen, own, come } = await waiting(told)
    await own()
    await own()
    hand.turn(60_000)
    await own()
    expect(seen.listings).toBe(2)
    come()
    await turn()
    hand.at(10_001)
    await own()
    expect(seen.listings).toBe(3)
    await own()
    expect(seen.listings).toBe(3)
  })
})

describe('where the kernel tells', () => {
  const tables = { v4: 'Main:', v6: '' }

  it('reads nothing while nothing is told, but for every 10 s', async () => {
    const { hand, seen, look } = await watch(tables, [])
    const first = await look()
    hand.at(9999)
    expect(await look()).toBe(first)
    expect([seen.listings, seen.reads]).toEqual([1, 1])
    hand.at(10_000)
    expect(await look()).toBe(first)
    expect(seen.listings).toBe(2)
  })

  it('lists at once what has another address', async () => {
    const told: Heard[] = []
    const { seen, look, own } = await watch(tables, told)
    seen.address = '192.0.2.2'
    told.push('addresses')
    expect(await own()).toBe('192.0.2.2')
    await look()
    expect(seen.listings).toBe(2)
  })

  it('looks at the tables when links have changed, and lists after 2 s though these have not', async () => {
    const told: Heard[] = ['links']
    const { hand, seen, own } = await watch(tables, told)
    seen.address = '192.0.2.2'
    expect(await own()).toBe('192.0.2.1')
    expect([seen.listings, seen.reads]).toEqual([1, 2])
    hand.at(2000)
    expect(await own()).toBe('192.0.2.2')
    seen.address = '192.0.2.3'
    seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
    told.push('links')
    expect(await own()).toContain('192.0.2.3')
  })

  it('believes silence no more once something has changed in it', async () => {
    const { hand, seen, own } = await watch(tables, [])
    seen.address = '192.0.2.2'
    hand.at(10_000)
    expect(await own()).toBe('192.0.2.2')
    seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
    seen.address = '192.0.2.3'
    expect(await own()).toContain('192.0.2.3')
  })

  it.each([
    ['hearing and reading', ['nothing', 'addresses']],
    ['reading and the list', ['nothing', 'nothing', 'addresses']],
  ] as [string, Heard[]][])('goes on believing it where the news came between %s', async (_name, told) => {
    const { hand, seen, addresses, look, own } = await watch(tables, told)
    seen.address = '192.0.2.2'
    hand.at(10_000)
    addresses.look()
    if (told.length > 1) addresses.look()
    await turn()
    expect(await own()).toBe('192.0.2.2')
    expect(seen.listings).toBe(3)
    const { reads } = seen
    await look()
    expect([seen.listings, seen.reads]).toEqual([3, reads])
  })

  it('are at rest once nothing is owed, and nothing can have been missed', async () => {
    const told: Heard[] = []
    const { hand, seen, addresses, look } = await watch(tables, told)
    expect(addresses.isAtRest()).toBe(true)
    // Of links the tables are read at once, and no more often than each second; and there may be a carrier.
    told.push('links')
    await look()
    expect(addresses.isAtRest()).toBe(false)
    hand.at(10_000)
    await look()
    expect(addresses.isAtRest()).toBe(true)
    told.push('addresses')
    addresses.look()
    expect(addresses.isAtRest()).toBe(false)
    await turn()
    expect(addresses.isAtRest()).toBe(true)
    seen.isFull = true
    told.push('addresses')
    await look()
    expect(addresses.isAtRest()).toBe(false)
    seen.isFull = false
    await look()
    expect(addresses.isAtRest()).toBe(true)
    seen.isSure = false
    expect(addresses.isAtRest()).toBe(false)
  })

  it('never rest where silence is not believed', async () => {
    const { hand, addresses, look } = await watch(tables)
    expect(addresses.isAtRest()).toBe(false)
    const heard = await watch(tables, [])
    heard.seen.address = '192.0.2.2'
    heard.hand.at(10_000)
    await heard.look()
    expect(heard.addresses.isAtRest()).toBe(false)
    hand.at(2000)
    await look()
    expect(addresses.isAtRest()).toBe(false)
  })

  it('lists again at the next look where it could not', async () => {
    const told: Heard[] = ['addresses']
    const { seen, own } = await watch(tables, told)
    seen.isFull = true
    seen.address = '192.0.2.2'
    expect(await own()).toBe('192.0.2.1')
    seen.isFull = false
    expect(await own()).toBe('192.0.2.2')
  })
})

describe('where the kernel tells, containers that come and go', () => {
  const portRow = 'fe800000000000000000000000000009 09 40 20 80 veth9'

  async function withContainers() {
    const kernelSays: Heard[] = []
    // Their links are bridges' ports, of which one is known.
    const watched = await watch({ v4: '|-- 192.0.2.1\n/32 host LOCAL', v6: `${row} 80 eth0\n` }, kernelSays)
    watched.seen.ports = new Set([9])
    await watched.look()
    watched.seen.reads = 0
    return { ...watched, kernelSays }
  }

  it('are told by the table of IPv6 alone: no list is asked for', async () => {
    const { hand, seen, own, look, kernelSays } = await withContainers()
    for (let i = 0; i < 20; i++) {
      const isThere = i % 2 === 0
      hand.turn(400)
      seen.tables = { ...seen.tables, v6: `${row} 80 eth0\n${isThere ? `${portRow}\n` : ''}` }
      kernelSays.push('addresses')
      await look()
      expect((await own()).includes('fe80::9')).toBe(isThere)
    }
    expect(seen.listings).toBe(1)
  })

  it('take one reading of the tables a second, however often their links change', async () => {
    const { hand, seen, look, kernelSays } = await withContainers()
    for (let i = 0; i < 40; i++) {
      hand.turn(100)
      seen.tables = {
        ...seen.tables,
        v6: i % 2 === 0 ? `${row} 80 eth0\n${portRow}\n` : `${row} 80 eth0\n`,
      }
      kernelSays.push('links')
      await look()
    }
    expect(seen.reads).toBeLessThanOrEqual(4)
    expect(seen.listings).toBe(1)
  })

  it('have no address of another link’s overlooked: it is there with the next reading, and so is the list', async () => {
    const { seen, own, kernelSays } = await withContainers()
    seen.tables = { ...seen.tables, v6: `${row} 80 eth0\n${row.replace('2 02', '3 02')} 80 eth0\n` }
    kernelSays.push('links')
    expect(await own()).toContain('fd00::3')
    expect(seen.listings).toBe(2)
  })

  it('have links without a carrier listed once they may have one, after 2 s', async () => {
    const { hand, seen, look, kernelSays } = await withContainers()
    // A bridge that the list has not: it has no container.
    seen.tables = { ...seen.tables, v4: `${seen.tables.v4}\n|-- 198.18.0.1\n/32 host LOCAL` }
    kernelSays.push('addresses')
    await look()
    expect(seen.listings).toBe(2)
    hand.turn(1_900)
    kernelSays.push('links')
    await look()
    expect(seen.listings).toBe(2)
    hand.turn(100)
    await look()
    expect(seen.listings).toBe(3)
  })
})
