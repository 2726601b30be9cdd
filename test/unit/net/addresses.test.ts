// Local addresses, looked at often: the interfaces are listed when a table changed, and now and then all the same.
import { expect, it } from 'vitest'
import { createAddresses } from '../../../src/net/addresses.ts'

function watch(tables: { v4: string; v6: string }) {
  const seen = { now: 0, listings: 0, tables, address: '192.0.2.1' }
  const addresses = createAddresses(
    { monotonic: () => seen.now },
    {
      tables: () => seen.tables,
      interfaces() {
        seen.listings++
        const cidr = `${seen.address}/24`
        const base = { address: seen.address, cidr, netmask: '255.255.255.0', family: 'IPv4' as const }
        return { eth0: [{ ...base, mac: '00:00:00:00:00:00', internal: false }] }
      },
    },
  )
  return { seen, addresses }
}

const row = 'fd000000000000000000000000000002 02 40 00'

it('lists the interfaces only once a table has changed, and keeps the object while nothing has', () => {
  const { seen, addresses } = watch({ v4: 'Main:', v6: `${row} 40 eth0\n` })
  const first = addresses.look()
  for (let i = 0; i < 5; i++) expect(addresses.look()).toBe(first)
  expect(seen.listings).toBe(1)
  seen.tables = { v4: 'Main:', v6: `${row} 80 eth0\n` }
  const second = addresses.look()
  expect(second.all.map(({ tentative }) => tentative)).toEqual([false, false])
  expect(addresses.current()).toBe(second)
  expect(seen.listings).toBe(2)
})

it('lists them after 2 s though no table has changed', () => {
  const { seen, addresses } = watch({ v4: 'Main:', v6: '' })
  seen.address = '192.0.2.2'
  seen.now = 1999
  expect(addresses.look().own.has('192.0.2.2')).toBe(false)
  seen.now = 2000
  expect(addresses.look().own.has('192.0.2.2')).toBe(true)
})

it('lists them each time where there are no tables', () => {
  const { seen, addresses } = watch({ v4: '', v6: '' })
  seen.address = '192.0.2.2'
  expect([...addresses.look().own]).toEqual(['192.0.2.2'])
  expect(seen.listings).toBe(2)
})
