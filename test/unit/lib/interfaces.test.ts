// The namespace's own addresses, those of interfaces without a carrier included.
import { expect, it } from 'vitest'
import { readInterfaces } from '../../../src/lib/interfaces.ts'

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
  const { all, own } = readInterfaces(loopback, trie)
  expect([...own]).toEqual(['127.0.0.1', '198.18.0.1'])
  expect(all.map(({ bindable, interface: name }) => `${bindable} ${name}`)).toEqual([
    '127.0.0.1 lo',
    '198.18.0.1 ',
  ])
})

it('goes by the interfaces alone where there is no such table', () => {
  expect([...readInterfaces(loopback).own]).toEqual(['127.0.0.1'])
})
