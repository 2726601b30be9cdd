// The namespace's own addresses, those of interfaces without a carrier included.
import { describe, expect, it } from 'vitest'
import { readInterfaces, sameAddresses } from '../../../src/lib/interfaces.ts'

const trie = `Main:
  +-- 0.0.0.0/0 2 0 2
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 198.18.0.0/24 2 0 2
        |-- 198.18.0.0
           /24 link UNICAST
        |-- 198.18.0.1
           /32 host LOCAL
        |-- 198.18.0.255
           /32 link BROADCAST
Local:
        |-- 198.18.0.1
           /32 host LOCAL
`
const loopback = {
  lo: [
    {
      ...{ address: '127.0.0.1', cidr: '127.0.0.1/8', netmask: '255.0.0.0' },
      ...{ family: 'IPv4' as const, mac: '00:00:00:00:00:00', internal: true },
    },
  ],
}

it('takes an address without a carrier from the kernel’s local table, once, and no network or broadcast', () => {
  const { all, own } = readInterfaces(loopback, { v4: trie, v6: '' })
  expect([...own]).toEqual(['127.0.0.1', '198.18.0.1'])
  expect(all.map(({ bindable, interface: name }) => `${bindable} ${name}`)).toEqual([
    '127.0.0.1 lo',
    '198.18.0.1 ',
  ])
})

it.each([
  ['IPv4', { v4: trie.replaceAll('127.0.0.1', '127.0.0.2'), v6: '' }, '127.0.0.1'],
  ['IPv6', { v4: '', v6: 'fd000000000000000000000000000002 1f 40 00 80 eth0\n' }, 'fe80::2%veth1'],
])(
  'what is listed, but gone from the table of %s, can’t be bound, and is ours all the same',
  (_family, tables, address) => {
    const base = { address: 'fe80::2', cidr: 'fe80::2/64', netmask: 'ffff:ffff:ffff:ffff::', scopeid: 9 }
    const link = { ...base, family: 'IPv6' as const, mac: '00:00:00:00:00:00', internal: false }
    const usable = (seen?: { v4: string; v6: string }) => {
      const { all, own } = readInterfaces({ ...loopback, veth1: [link] }, seen)
      expect(own.has(address.split('%')[0]!)).toBe(true)
      return all.filter(({ unbindable }) => !unbindable).map(({ bindable }) => bindable)
    }
    expect(usable()).toContain(address)
    expect(usable(tables)).not.toContain(address)
  },
)

it('goes by the interfaces alone where there is no such table', () => {
  expect([...readInterfaces(loopback).own]).toEqual(['127.0.0.1'])
})

describe('the table of IPv6 addresses', () => {
  const table = [
    '00000000000000000000000000000001 01 80 10 80       lo',
    'fe80000000000000005400fffe112233 1f 40 20 80     eth0',
    'fd000000000000000000000000000002 1f 40 00 40 br-0123456789ab',
    'fd000000000000000000000000000003 1f 40 00 48     eth0',
    'fd000000000000000000000000000004 1f 40 00 44     eth0',
    '',
  ].join('\n')

  it('tells addresses, zones, and which duplicate checks are not over or have failed', () => {
    const { all, own } = readInterfaces({}, { v4: '', v6: table })
    expect(all.map((local) => [local.bindable, local.zone, local.unbindable])).toEqual([
      ['::1', 0, false],
      ['fe80::54:ff:fe11:2233%eth0', 0x1f, false],
      ['fd00::2', 0, true],
      ['fd00::3', 0, true],
      ['fd00::4', 0, false],
    ])
    expect(own.has('fe80::54:ff:fe11:2233')).toBe(true)
    expect(all[2]).toMatchObject({ interface: 'br-0123456789ab', subnet: { text: 'fd00::/64' } })
  })

  it.each(['docker_gwbridge', 'veth0@if5', 'brücke', '日本', '77', 'a.b-c', 'x\u3000y', 'x\u2028y'])(
    'has interfaces of any name: %s',
    (name) => {
      const row = `fe800000000000000000000000000001 1f 40 20 80 ${name}\n`
      const { all } = readInterfaces({}, { v4: '', v6: `${row}${table}` })
      expect(all[0]).toMatchObject({ bindable: `fe80::1%${name}`, interface: name, zone: 0x1f })
      expect(all).toHaveLength(6)
    },
  )

  it('what is a bridge’s port can’t be asked at the address of that link alone', () => {
    const v6 = `${table}fe800000000000000000000000000001 20 40 20 80 veth1\n`
    const { all } = readInterfaces({}, { v4: '', v6 }, () => new Set([0x20]))
    expect(all.filter(({ unaskable }) => unaskable).map(({ bindable }) => bindable)).toEqual([
      'fe80::1%veth1',
    ])
    const askable = readInterfaces({}, { v4: '', v6 })
    expect(sameAddresses(askable, { ...askable, all })).toBe(false)
  })

  it('goes before the list of interfaces, which does not tell', () => {
    const base = { address: 'fd00::2', cidr: 'fd00::2/64', netmask: 'ffff:ffff:ffff:ffff::' }
    const listed = { ...base, family: 'IPv6' as const, mac: '00:00:00:00:00:00', internal: false, scopeid: 0 }
    const { all } = readInterfaces({ eth0: [listed] }, { v4: '', v6: table })
    expect(all.filter(({ address }) => address === 'fd00::2')).toMatchObject([{ unbindable: true }])
  })

  it('a zone of another interface of the same name is a change', () => {
    const read = (v6: string) => readInterfaces({}, { v4: '', v6 })
    expect(sameAddresses(read(table), read(table))).toBe(true)
    expect(sameAddresses(read(table), read(table.replace('2233 1f', '2233 20')))).toBe(false)
    expect(sameAddresses(read(table), read(table.replace('00 40 br', '00 00 br')))).toBe(false)
  })
})
