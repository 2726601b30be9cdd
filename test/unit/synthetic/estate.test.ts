// The synthetic engine's truth: what is planned, and what events tell of what becomes of it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress, parseSubnet, subnetContains } from '../../../src/lib/ip.ts'
import { createHandClock } from '../../hand-clock.ts'
import { seededRandom } from '../../tools/servers/random.ts'
import { createChurn } from '../../tools/synthetic/churn.ts'
import { type Container, createEstate, type Estate, type Event } from '../../tools/synthetic/estate.ts'
import { makePlan, type Size } from '../../tools/synthetic/plan.ts'

describe('a plan', () => {
  const sizes = fc.record({
    networks: fc.integer({ min: 1, max: 300 }),
    containers: fc.integer({ min: 1, max: 2000 }),
    names: fc.integer({ min: 4, max: 12 }),
    second: fc.integer({ min: 0, max: 7 }),
  })

  it('has no id, name or address twice, and room for its containers', () =>
    fc.assert(
      fc.property(sizes, (size) => {
        const { networks, containers } = makePlan(size)
        for (const key of ['id', 'name'] as const) {
          expect(new Set(containers.map((each) => each[key])).size).toBe(size.containers)
          expect(new Set(networks.map((each) => each[key])).size).toBe(size.networks)
        }
        for (const [i, { first, count }] of networks.entries()) {
          const next = networks[i + 1]
          if (next !== undefined) expect(first + count).toBeLessThanOrEqual(next.first)
          const members = containers.filter((each) => each.networks.includes(i)).length
          expect(members * 2).toBeLessThan(count)
        }
      }),
      { numRuns: 20 },
    ))

  it('of 10,000 containers makes 100,000 names', () => {
    const estate = createEstate({ networks: 1000, containers: 10_000, second: 0 }, () => 0)
    // A service's name is that of its two containers; names of the same kind on other networks are others.
    const names = estate.networks.flatMap((network) => {
      const [container] = estate.membersOf(network.id)
      return estate.namesSeenBy([...container!.places.values()][0]!.address)
    })
    expect(names).toHaveLength(95_000)
    expect(estate.containers.size * 10).toBe(100_000)
  })

  it('is the same each time', () => {
    const size = { networks: 7, containers: 50 }
    expect(makePlan(size).containers).toEqual(makePlan(size).containers)
  })
})

/** What somebody knows who hears the events and nothing else: container → its name, and the networks it is on. */
function follow(events: readonly Event[], known: Map<string, { name: string; networks: Set<string> }>) {
  for (const { action, id, attributes } of events) {
    const of = (key: string) => {
      const there = known.get(key) ?? { name: '', networks: new Set<string>() }
      known.set(key, there)
      return there
    }
    if (action === 'connect') of(attributes.container!).networks.add(id)
    if (action === 'disconnect') of(attributes.container!).networks.delete(id)
    if (action === 'create' || action === 'start' || action === 'rename') of(id).name = attributes.name!
    if (action === 'destroy') known.delete(id)
  }
}

function churned(size: Size, deeds: number, seed: number) {
  const { clock, turn } = createHandClock(1_000_000)
  const estate = createEstate(size, clock.now)
  const events: Event[] = []
  estate.onEvent((event) => events.push(event))
  const start = (id: string) => {
    estate.beginStart(id)
    estate.finishStart(id)
  }
  const engine = { estate, start, events: () => events.length }
  const churn = createChurn({ engine, movers: Math.ceil(size.containers / 2), random: seededRandom(seed) })
  for (let i = 0; i < deeds; i++) {
    churn.act()
    if (i % 3 === 0) turn(0.5)
  }
  return { estate, events }
}

const running = ({ containers }: Estate) =>
  [...containers.values()].filter(({ state }) => state === 'running')

describe('an estate in which containers come and go', () => {
  it('tells in its events where each container is and what it is called', () =>
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, networks) => {
        const size = { networks, containers: 12 }
        const { estate, events } = churned(size, 300, seed)
        const known = new Map(
          running(createEstate(size, () => 0)).map(({ id, name, places }) => [
            id,
            { name, networks: new Set(places.keys()) },
          ]),
        )
        follow(events, known)
        for (const { id, name, places, state } of estate.containers.values()) {
          const there = [...places].filter(([, { address }]) => address !== '').map(([network]) => network)
          expect([...(known.get(id)?.networks ?? [])].sort()).toEqual(there.sort())
          if (state === 'running') expect(known.get(id)!.name).toBe(name)
        }
        const times = events.map(({ time }) => time)
        expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true)
      }),
      { numRuns: 30 },
    ))

  it('has for each running container an address in the subnet, which is no other one’s', () =>
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { estate } = churned({ networks: 3, containers: 20 }, 300, seed)
        const places = running(estate).flatMap((container) =>
          [...container.places.values()].map((place) => ({ container, place })),
        )
        expect(new Set(places.map(({ place }) => place.address)).size).toBe(places.length)
        for (const { container, place } of places) {
          expect(subnetContains(parseSubnet(place.network.subnet)!, parseAddress(place.address)!)).toBe(true)
          expect(place.address).not.toBe(place.network.gateway)
          expect(estate.owner(place.address)).toBe(container)
          const own = [...container.places.values()].map(({ address }) => address)
          expect(own).toEqual(expect.arrayContaining([...estate.expected(place.address, container.name)]))
          expect(estate.expected(place.address, container.name)).toHaveLength(1)
        }
      }),
      { numRuns: 30 },
    ))

  it('answers from the asker’s networks alone', () => {
    const estate = createEstate({ networks: 3, containers: 12, second: 0 }, () => 0)
    const [a, b] = [...estate.containers.values()] as [Container, Container]
    const addressOf = ({ places }: Container) => [...places.values()][0]!.address
    const { name } = b
    expect(estate.expected(addressOf(a), name)).toEqual([])
    expect(estate.expected(addressOf(b), name)).toEqual([addressOf(b)])
    expect(estate.expected(addressOf(a), 'svc0')).not.toEqual(estate.expected(addressOf(b), 'svc0'))
    expect(estate.expected(addressOf(a), 'svc0')).toHaveLength(2)
    expect(estate.expected('192.0.2.1', name)).toEqual([])
  })

  it('has the order of a real engine’s events', () => {
    const estate = createEstate({ networks: 2, containers: 1, second: 1 }, () => 5)
    const id = estate.containers.keys().next().value!
    const told: string[] = []
    estate.onEvent(({ type, action }) => told.push(`${type} ${action}`))
    estate.stop(id)
    estate.beginStart(id)
    estate.finishStart(id)
    estate.remove(id)
    const off = ['network disconnect', 'network disconnect']
    expect(told).toEqual([
      ...['container kill', ...off, 'container stop', 'container die'],
      ...['network connect', 'network connect', 'container start'],
      ...['container kill', ...off, 'container die', 'container destroy'],
    ])
  })
})
