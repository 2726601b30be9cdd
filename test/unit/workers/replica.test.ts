// The copy of the table in a worker: what it is told, and how far it trusts that while it is told nothing.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/registry/store.ts'
import type { Container, Network, StoreChange } from '../../../src/registry/types.ts'
import { createReplica } from '../../../src/workers/replica.ts'
import { createHandClock } from '../../hand-clock.ts'
import { seenIn } from '../registry/whole.ts'
import { container, network } from '../resolve/estate.ts'

const told = (engine: string): StoreChange => ({ kind: 'update', engine, networks: [], containers: [] })
const engines = ['a', 'b']

function replicated() {
  const { clock, turn } = createHandClock()
  const first = createStore(engines)
  first.apply(told('a'))
  first.apply(told('b'))
  const replica = createReplica(structuredClone(first.asChanges()), clock)
  first.onChange((change) => {
    replica.heard()
    replica.store.apply(structuredClone(change))
  })
  const away = () => engines.filter((engine) => replica.store.current().engines.get(engine)?.away)
  return { first, replica, turn, away }
}

describe('a replica', () => {
  it('begins as the first is, and goes on as that does', () => {
    const { first, replica, away } = replicated()
    expect(replica.store.current().engines).toEqual(first.current().engines)
    first.apply({ kind: 'away', engine: 'a', away: true })
    expect(away()).toEqual(['a'])
    first.apply(told('a'))
    expect(away()).toEqual([])
    first.apply({ kind: 'engines', engines: ['b', 'c'], remote: [] })
    expect([...replica.store.current().engines.keys()]).toEqual(['b', 'c'])
    first.apply({ kind: 'engines', engines: ['b', 'c'], remote: [['c', 'routed']] })
    expect(replica.store.current().engines).toEqual(first.current().engines)
    expect(replica.store.current().engines.get('c')).toMatchObject({ remote: 'routed' })
  })

  it('that begins amid a first list has all of it in the end', () => {
    const [front, back] = [network('front', ['10.1.0.0/24']), network('back', ['10.2.0.0/24'])]
    const list = [
      container('web', { front: { at: ['10.1.0.2'] } }),
      container('db', { back: { at: ['10.2.0.2'] } }),
    ]
    const first = createStore(['local'])
    const tell = (networks: Network[], containers: Container[], unfinished: boolean) =>
      first.apply({
        ...{ kind: 'update', engine: 'local', unfinished },
        networks: networks.map((each) => [each.id, each]),
        containers: containers.map((each) => [each.id, each]),
      })
    tell([front, back], list.slice(0, 1), true)
    const { store } = createReplica(structuredClone(first.asChanges()), createHandClock().clock)
    expect(store.current().engines).toEqual(first.current().engines)
    expect(seenIn(store.current())).toEqual(seenIn(first.current()))
    first.onChange((change) => store.apply(structuredClone(change)))
    tell([], list.slice(1), false)
    expect(seenIn(store.current())).toEqual(seenIn(first.current()))
    expect(store.current().known.has('web')).toBe(true)
  })

  it('takes every engine for out of reach while the first says nothing for 5 s, and not once it speaks', () => {
    const { replica, turn, away } = replicated()
    for (let s = 0; s < 20; s++) {
      turn(4000)
      replica.heard()
    }
    expect(away()).toEqual([])
    turn(5000)
    expect(away()).toEqual([])
    turn(1000)
    expect(away()).toEqual(['a', 'b'])
    turn(60_000)
    replica.heard()
    expect(away()).toEqual([])
  })

  it('leaves an engine out of reach that is so in the first', () => {
    const { first, replica, turn, away } = replicated()
    first.apply({ kind: 'away', engine: 'b', away: true })
    turn(7000)
    expect(away()).toEqual(['a', 'b'])
    replica.heard()
    expect(away()).toEqual(['b'])
    turn(7000)
    first.apply({ kind: 'away', engine: 'a', away: true })
    expect(away()).toEqual(['a', 'b'])
    first.apply({ kind: 'away', engine: 'a', away: false })
    expect(away()).toEqual(['b'])
  })
})
