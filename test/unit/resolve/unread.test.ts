// An asker on a network of which nothing has been read: it is known who it is, and not what is there.
import { expect, it } from 'vitest'
import { decideFor, resolverFor, upstream } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const n1 = network('n1', ['10.1.0.0/16'])
const n2 = network('n2', ['10.2.0.0/16'])
const containers = [
  container('both', { n1: { at: ['10.1.0.2'] }, n2: { at: ['10.2.0.2'] } }),
  container('alone', { n1: { at: ['10.1.0.3'] } }),
  container('new', { n2: { at: ['10.2.0.4'] } }),
  container('peer', { n2: { at: ['10.2.0.5'] } }),
  container('gone', { n2: { at: [] } }, { running: false }),
]
const notReady = { rcode: 2, answers: [], soa: false, ede: 14 }
const denied = { rcode: 3, answers: [], soa: true }

const asking = (networks = [n1], all = containers) => {
  const resolver = resolverFor(estate(networks, all))
  return (from: string, name: string, type = 'A') => decideFor(resolver, from, name, type)
}

it('is told that names are not ready, and the rest is answered and forwarded', () => {
  const ask = asking()
  for (const from of ['10.2.0.4', '10.2.0.2', '10.1.0.2']) {
    expect(ask(from, 'peer'), from).toEqual(notReady)
    expect(ask(from, 'peer.docker.internal'), from).toEqual(notReady)
    expect(ask(from, '5.0.2.10.in-addr.arpa', 'PTR'), from).toEqual(notReady)
    expect(ask(from, 'www.example.org'), from).toMatchObject({ to: upstream.text })
  }
  expect(ask('10.2.0.4', 'host.docker.internal')).toEqual(notReady)
  expect(ask('10.2.0.2', 'alone')).toMatchObject({ answers: ['10.1.0.3'] })
  // Nobody else waits for that network.
  expect(ask('10.1.0.3', 'peer')).toEqual(denied)
  expect(ask('10.1.0.99', 'peer')).toEqual(denied)
  expect(ask('10.2.0.99', 'peer')).toMatchObject({ rcode: 5 })
  expect(ask('127.0.0.1', 'nobody')).toEqual(denied)
})

it('is answered once it has been read', () => {
  const ask = asking([n1, n2])
  expect(ask('10.2.0.4', 'peer')).toMatchObject({ answers: ['10.2.0.5'] })
  expect(ask('10.2.0.4', 'alone')).toEqual(denied)
})

it('gets nothing of a network that another with its address is on', () => {
  const twin = container('twin', { n1: { at: ['10.1.0.7'] }, n2: { at: ['10.2.0.7'] } })
  const other = container('other', { n3: { at: ['10.1.0.7'] } })
  expect(asking([n1], [...containers, twin, other])('10.1.0.7', 'alone')).toEqual(denied)
})
