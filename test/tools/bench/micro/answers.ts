// From a question to its answer: whose networks, fast answers, the whole way, and what upstreams' answers cost when kept.
import { bench, do_not_optimize, group } from 'mitata'
import { udpPayloadBytes } from '../../../../src/dns/edns.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { readReply } from '../../../../src/dns/relay.ts'
import { createCache } from '../../../../src/forward/cache/cache.ts'
import { createCacheMetrics } from '../../../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../../../src/forward/forward-metrics.ts'
import type { ForwardQuestion } from '../../../../src/forward/types.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import type { Query } from '../../../../src/net/handler.ts'
import { scopeOf } from '../../../../src/scope/scope.ts'
import { config, here, upstream } from '../../../unit/resolve/deciding.ts'
import { honestReply } from '../../../wire/world.ts'
import { changeOf, estateOf, inTurn, queriesOf, resolveOver, storeOf } from './world.ts'

type State = { get(name: string): number }
const sizes = [100, 10_000]

export function benchAnswers(): void {
  group('answers', () => {
    bench('scope worked out, $containers containers', function* (state: State) {
      const { estate, store } = tableOf(state.get('containers'))
      const next = inTurn(queriesOf(estate))
      yield () => {
        const { asker, local } = next()
        do_not_optimize(scopeOf(store.current(), here, config.scope, asker, local))
      }
    }).args('containers', sizes)

    bench('scope known, $containers containers', function* (state: State) {
      const { estate, store } = tableOf(state.get('containers'))
      const { resolver } = resolveOver(store)
      const next = inTurn(queriesOf(estate))
      yield () => {
        const { asker, local } = next()
        do_not_optimize(resolver.scope(asker, local))
      }
    }).args('containers', sizes)

    for (const [where, at] of [
      ['at one address', '192.0.2.1'],
      ['each at its gateway', undefined],
    ] as const) {
      bench(`fast answer ${where}, $containers containers`, function* (state: State) {
        const { estate, store } = tableOf(state.get('containers'))
        const { fast, handle } = resolveOver(store)
        const queries = queriesOf(estate, at)
        const into = Buffer.alloc(udpPayloadBytes)
        const answer = ({ message, asker, local, server }: Query) =>
          fast.answer(message, 0, message.length, asker, { local, server }, into, 0)
        for (const query of queries) handle(query)
        if (queries.some((query) => answer(query) === 0)) throw new Error('an answer was not kept')
        const next = inTurn(queries)
        let left = 0
        yield () => {
          // As many as a busy socket has at a time.
          if (left-- === 0) {
            left = 31
            fast.end()
            fast.begin()
          }
          do_not_optimize(answer(next()))
          do_not_optimize(into)
        }
      }).args('containers', sizes)
    }

    bench('the whole way, $containers containers', function* (state: State) {
      const { estate, store } = tableOf(state.get('containers'))
      const { handleSlowly } = resolveOver(store)
      const next = inTurn(queriesOf(estate))
      yield () => do_not_optimize(handleSlowly(next()))
    }).args('containers', sizes)

    bench('cache hit, 10,000 names kept', function* () {
      const asked = externalQuestions(10_000)
      const cache = cacheOver()
      for (const each of asked) keepNow(cache.forward(each))
      const next = inTurn(asked)
      yield () => do_not_optimize(cache.forward(next()))
    })
  })
}

const tables = new Map<number, ReturnType<typeof makeTable>>()

/** One for all that only read it. */
function tableOf(containers: number) {
  const table = tables.get(containers) ?? makeTable(containers)
  tables.set(containers, table)
  return table
}

function makeTable(containers: number) {
  const estate = estateOf(containers)
  return { estate, store: storeOf(changeOf(estate)) }
}

function externalQuestions(count: number): ForwardQuestion[] {
  const upstreams = [upstream]
  return Array.from({ length: count }, (_, i) => {
    const query = encodeQuery(`host${i}.example${i % 100}.com`, 'A', { id: i })
    return {
      ...{ query, question: readQuestion(query)!, edns: undefined, asker: '10.0.0.2' },
      route: { name: 'default', zone: undefined, explicit: false, upstreams, order: 'sequential' },
    }
  })
}

function cacheOver() {
  return createCache({
    ask: ({ query, question }) => {
      return { reply: readReply(honestReply(query), question)!, upstream: upstream.text }
    },
    settings: {
      ...{ entries: 20_000, bytes: 1 << 30, maxTtl: 3_600_000, maxNegativeTtl: 1_800_000, stale: 3_600_000 },
      ...{ failureRecheck: 30_000 },
    },
    ...{ isCacheable: () => true, isDown: () => false, claim: () => () => {} },
    ...{ counters: createCacheMetrics(), forwardCounters: createForwardMetrics() },
    // It stands still, so that nothing grows old while it is measured.
    now: () => 0,
    clock: systemClock,
    log: silentLogger,
  })
}

function keepNow(result: unknown): void {
  if (result instanceof Promise) throw new Error('the cache asks at once')
}
