// The index of subnets and gateways finds what looking at every network finds, in the networks' order.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, subnetContains } from '../../../src/lib/ip.ts'
import { noSubnets } from '../../../src/registry/subnets.ts'
import { emptyTable } from '../../../src/registry/table.ts'
import { container, estate, network } from '../resolve/estate.ts'

// Few different bits, so that subnets overlap and addresses fall into them.
const v4 = fc
  .tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 128, 255)))
  .map((bytes) => Uint8Array.from(bytes))
const v6 = fc
  .tuple(...Array.from({ length: 16 }, () => fc.constantFrom(0, 0, 0, 1, 128)))
  .map((bytes) => Uint8Array.from(bytes))
const cidr = fc.oneof(
  fc.tuple(v4, fc.nat(32)).map(([bytes, prefix]) => `${formatAddress(bytes)}/${prefix}`),
  fc.tuple(v6, fc.nat(128)).map(([bytes, prefix]) => `${formatAddress(bytes)}/${prefix}`),
)

describe('the index of subnets', () => {
  it('tells the networks of any address, as each of them would, whatever came and went', () => {
    const drawn = fc.array(fc.tuple(fc.array(cidr, { maxLength: 3 }), fc.array(cidr, { maxLength: 3 })), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(drawn, fc.array(fc.nat(7)), fc.oneof(v4, v6), (list, gone, address) => {
        const tables = (which: 0 | 1) => list.map((both, i) => emptyTable(network(`n${i}`, both[which])))
        const before = noSubnets.with(tables(0).map((table) => [undefined, table]))
        const now = tables(1).map((table, i) => (gone.includes(i) ? undefined : table))
        const index = before.with(tables(0).map((table, i) => [table, now[i]]))
        const networks = now.flatMap((table) => table?.network ?? [])
        const holders = networks.filter(({ subnets }) => subnets.some((one) => subnetContains(one, address)))
        expect(index.holding(address)).toEqual(holders.map(({ id }) => id))
        expect(index.contains(address)).toBe(holders.length > 0)
        const text = formatAddress(address)
        const behind = networks.filter(({ gateways }) => gateways.includes(text))
        expect(index.behind(text)).toEqual(behind.map(({ id }) => id))
      }),
      { numRuns: 500 },
    )
  })

  it('is kept while the networks are the same, and only then', () => {
    const [front, back] = [network('front', ['172.18.0.0/16']), network('back', ['172.19.0.0/16'])]
    const before = estate([front, back], [])
    const web = container('web', { front: { at: ['172.18.0.2'] } })
    expect(estate([front, back], [web], {}, before).subnets).toBe(before.subnets)
    // In whatever order they are told.
    expect(estate([back, front], [], {}, before).subnets).toBe(before.subnets)
    const moved = network('back', ['172.20.0.0/16'])
    for (const networks of [[front], [front, back, network('more', [])], [front, moved]]) {
      expect(estate(networks, [], {}, before).subnets).not.toBe(before.subnets)
    }
  })
})
