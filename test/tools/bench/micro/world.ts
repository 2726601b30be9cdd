// What the small benchmarks work on: a table as an engine of that size would tell it, questions as its containers ask
// them, and all that stands between a question and its answer.
import type { Upstream } from '../../../../src/config/types.ts'
import { createCookies } from '../../../../src/dns/cookie.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { containerFrom } from '../../../../src/docker/model/container.ts'
import { completeNetwork, networkFrom } from '../../../../src/docker/model/network.ts'
import { createFastAnswers } from '../../../../src/fast/fast-answers.ts'
import type { Forward } from '../../../../src/forward/types.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import type { Query } from '../../../../src/net/handler.ts'
import { createStore, type Store } from '../../../../src/registry/store.ts'
import type { Container, StoreChange } from '../../../../src/registry/types.ts'
import { createDnsMetrics } from '../../../../src/resolve/dns-metrics.ts'
import { createPipeline } from '../../../../src/resolve/pipeline.ts'
import { createResolver } from '../../../../src/resolve/resolver.ts'
import { config, here } from '../../../unit/resolve/deciding.ts'
import { seededRandom } from '../../servers/random.ts'
import { createEstate, type Estate } from '../../synthetic/estate.ts'
import { inspected, networkRow } from '../../synthetic/shapes.ts'

/** The next of a list at each call, over and over: a benchmark that asks one thing measures a warm cache line. */
export function inTurn<T>(list: readonly T[]): () => T {
  let at = 0
  return () => {
    at = at + 1 < list.length ? at + 1 : 0
    return list[at]!
  }
}

export function estateOf(containers: number): Estate {
  return createEstate({ networks: Math.max(1, containers / 10), containers }, () => 1_700_000_000_000)
}

export function containersOf(estate: Estate): Container[] {
  return [...estate.containers.values()].map((container) => {
    return containerFrom(inspected(container), 'e', () => undefined).container
  })
}

/** All that the engine tells at first. */
export function changeOf(estate: Estate): StoreChange {
  return {
    ...{ kind: 'update', engine: 'e' },
    networks: estate.networks.map((network) => [
      network.id,
      completeNetwork(networkFrom(networkRow(network), 'e'), new Set([network.gateway])),
    ]),
    containers: containersOf(estate).map((container) => [container.id, container]),
  }
}

export function storeOf(change: StoreChange): Store {
  const store = createStore(['e'])
  store.apply(change)
  return store
}

/** Of what its container sees and, one of ten, of what nobody does; by 200 containers, each at its gateway or all at `at`. */
export function queriesOf(estate: Estate, at?: string): Query[] {
  const random = seededRandom(3)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const all = [...estate.containers.values()]
  const queries: Query[] = []
  for (let i = 0; i < 200; i++) {
    const [place] = [...pick(all).places.values()]
    const asker = place!.address
    const seen = estate.namesSeenBy(asker)
    for (const name of [...Array.from({ length: 9 }, () => pick(seen)), `nobody-${i}`]) {
      const message = encodeQuery(name, 'A', { id: Math.floor(random() * 65_536), edns: 1232 })
      const local = at ?? place!.network.gateway
      queries.push({ message, asker, local, transport: 'udp', server: `dns://${local}:53` })
    }
  }
  return queries
}

/** As serving.ts builds it, without sockets; `upstreams` are those that `forward` asks. */
export function resolveOver(
  store: Store,
  upstreams: readonly Upstream[] = [],
  forward: Forward = () => ({ failure: 'there is no upstream', reason: 'none' }),
) {
  const random = seededRandom(5)
  const counters = createDnsMetrics()
  const resolver = createResolver({
    ...{ config, store, random, addresses: () => here },
    upstreams: () => upstreams,
  })
  const shared = { resolver, counters, clock: systemClock }
  const fast = createFastAnswers({ ...shared, random, passing: systemClock.monotonic })
  const pipeline = {
    ...{ ...shared, log: silentLogger, identity: config.identity, logQueries: false },
    cookies: createCookies({ secretOf: () => Buffer.alloc(16), seconds: () => 0 }),
    forward,
  }
  return {
    ...{ resolver, fast },
    /** With fast answers, and without. */
    handle: createPipeline({ ...pipeline, fast }),
    handleSlowly: createPipeline(pipeline),
  }
}
