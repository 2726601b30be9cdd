// What a name costs that only upstreams know, without what asking them costs: from the question to where it would leave,
// and from the reply's bytes to the asker's. So many are under way at once as a busy socket has.
import { bench, do_not_optimize, group } from 'mitata'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { encodeUpstreamQuery, readReply } from '../../../../src/dns/relay.ts'
import { createCache } from '../../../../src/forward/cache/cache.ts'
import { createCacheMetrics } from '../../../../src/forward/cache/cache-metrics.ts'
import { createForwardMetrics } from '../../../../src/forward/forward-metrics.ts'
import { createLoopFilter } from '../../../../src/forward/loop/filter.ts'
import type { Answered, ForwardQuestion } from '../../../../src/forward/types.ts'
import { passingTime, systemClock } from '../../../../src/lib/clock.ts'
import { silentLogger } from '../../../../src/lib/log.ts'
import type { Query } from '../../../../src/net/handler.ts'
import { holdsDockerAddress } from '../../../../src/resolve/answer-filter.ts'
import { upstream } from '../../../unit/resolve/deciding.ts'
import { honestReply } from '../../../wire/world.ts'
import { changeOf, estateOf, resolveOver, storeOf } from './world.ts'

const atOnce = 32
const local = '192.0.2.1'
/** What tries ask with for an asker without EDNS. */
const offered = { version: 0, udpBytes: 512, dnssecOk: false }

export function benchMisses(): void {
  group('misses', () => {
    bench('miss: question in', function* () {
      const misses = createMisses()
      yield { manual: async () => (await misses.round()).questions }
    })

    bench('miss: reply kept and relayed', function* () {
      const misses = createMisses()
      yield { manual: async () => (await misses.round()).replies }
    })
  })
}

interface Waiting {
  readonly asked: ForwardQuestion
  readonly answer: (result: Answered) => void
}

function createMisses() {
  const estate = estateOf(500)
  const store = storeOf(changeOf(estate))
  const waiting: Waiting[] = []
  const cache = createCache({
    ask: (asked) => new Promise((answer) => waiting.push({ asked, answer })),
    settings: {
      ...{ entries: 10_000, bytes: 1 << 30, maxTtl: 3_600_000, maxNegativeTtl: 1_800_000, stale: 3_600_000 },
      ...{ failureRecheck: 30_000 },
    },
    isCacheable: (reply) => !holdsDockerAddress(store.current(), reply),
    ...{ isDown: () => false, claim: () => () => {} },
    ...{ counters: createCacheMetrics(), forwardCounters: createForwardMetrics() },
    ...{ now: passingTime(systemClock), clock: systemClock, log: silentLogger },
  })
  const around = createLoopFilter({ caught: () => undefined, isAside: () => false, suspect: () => {} })
  const { handle } = resolveOver(store, [upstream], around(cache.forward))
  const askers = [...estate.containers.values()].flatMap(({ places }) => [...places.values()])
  let asked = 0

  function newQuestion(): Query {
    const message = encodeQuery(`host${asked}.never-seen.example`, 'A', { id: asked & 0xffff })
    const { address: asker } = askers[asked++ % askers.length]!
    return { message, asker, local, transport: 'udp', server: `dns://${local}:53` }
  }

  return {
    /** Nanoseconds for one, of each half. */
    async round(): Promise<{ questions: number; replies: number }> {
      const queries = Array.from({ length: atOnce }, newQuestion)
      const began = performance.now()
      const results = queries.map(handle)
      const isIn = performance.now()
      const ready = waiting.splice(0).map(({ asked, answer }) => {
        const sent = encodeUpstreamQuery(asked.query, asked.question, offered, 0)
        return { question: asked.question, answer, message: honestReply(sent) }
      })
      if (ready.length < atOnce) throw new Error('a question was no miss')
      const cameBack = performance.now()
      for (const { question, answer, message } of ready) {
        answer({ reply: readReply(message, question)!, upstream: upstream.text })
      }
      do_not_optimize(await Promise.all(results))
      const isOut = performance.now()
      const each = 1e6 / atOnce
      return { questions: (isIn - began) * each, replies: (isOut - cameBack) * each }
    },
  }
}
