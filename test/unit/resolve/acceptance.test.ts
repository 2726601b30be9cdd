// What moby's unit tests assert of its records, asserted of ours. docs/acceptance.md says which case is which.
import { expect, it } from 'vitest'
import { reverseName } from '../../../src/dns/reverse.ts'
import { decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const both = network('both', ['10.1.0.0/24', 'fd00:1::/64'])
const asker = container('asker', { both: { at: ['10.1.0.9'] } })

it.each([
  ['IPv4 alone', ['10.1.0.2'], ['10.1.0.2'], []],
  ['IPv6 alone', ['fd00:1::2'], [], ['fd00:1::2']],
  ['both', ['10.1.0.2', 'fd00:1::2'], ['10.1.0.2'], ['fd00:1::2']],
])(
  'each name has exactly the addresses of its families, and none of either after removal',
  (_, at, v4, v6) => {
    const names = ['one', 'alias', '0123456789ab']
    const there = resolverFor(
      estate([both], [asker, container('one', { both: { at, names: names.slice(1) } })]),
    )
    const gone = resolverFor(estate([both], [asker]))
    for (const name of names) {
      expect(decideFor(there, '10.1.0.9', name)).toMatchObject({ rcode: 0, answers: v4 })
      expect(decideFor(there, '10.1.0.9', name, 'AAAA')).toMatchObject({ rcode: 0, answers: v6 })
      for (const type of ['A', 'AAAA']) {
        expect(decideFor(gone, '10.1.0.9', name, type)).toMatchObject({ rcode: 3, answers: [] })
      }
    }
  },
)

it('the address of a container whose name is no DNS name is answered, by what else it is called', () => {
  const long = 'x'.repeat(64)
  const resolver = resolverFor(
    estate([both], [asker, container(long, { both: { at: ['10.1.0.2'], names: ['alias'] } })]),
  )
  expect(decideFor(resolver, '10.1.0.9', reverseName('10.1.0.2'), 'PTR')).toMatchObject({
    rcode: 0,
    answers: ['alias.both'],
  })
})

it('on an internal macvlan network nothing is forwarded', () => {
  const pipe = network('pipe', ['10.3.0.0/24'], { driver: 'macvlan', bridge: undefined, internal: true })
  const open = network('open', ['10.4.0.0/24'], { driver: 'macvlan', bridge: undefined })
  const containers = [
    container('in', { pipe: { at: ['10.3.0.2'] } }),
    container('out', { open: { at: ['10.4.0.2'] } }),
  ]
  const resolver = resolverFor(estate([pipe, open], containers))
  expect(decideFor(resolver, '10.3.0.2', 'www.example.org')).toMatchObject({ rcode: 3, ede: 18 })
  expect(decideFor(resolver, '10.4.0.2', 'www.example.org')).toMatchObject({ to: upstream.text })
})

it('the peer on a /31 is found, whichever of the two addresses asks', () => {
  const pair = network('pair', ['10.5.0.0/31'], {
    driver: 'macvlan',
    bridge: undefined,
    internal: true,
    gateways: [],
  })
  const peers = [
    container('left', { pair: { at: ['10.5.0.0'] } }),
    container('right', { pair: { at: ['10.5.0.1'] } }),
  ]
  const resolver = resolverFor(estate([pair], peers))
  expect(decideFor(resolver, '10.5.0.0', 'right')).toMatchObject({ answers: ['10.5.0.1'] })
  expect(decideFor(resolver, '10.5.0.1', 'left')).toMatchObject({ answers: ['10.5.0.0'] })
})
