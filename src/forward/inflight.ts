// Coalescing: identical questions that are under way share one exchange. It spares upstreams, and an attacker who
// wants many open questions for one name to guess at does not get them (RFC 5452, 5).
import { KeyedSlots } from '../lib/slots.ts'
import type { ForwardMetrics } from './forward-metrics.ts'
import { type Keys, wantsRecursion } from './key.ts'
import type { Forward, Forwarded, ForwardQuestion } from './types.ts'

export interface InflightOptions {
  readonly ask: Forward
  /** What each exchange comes to passes here once, however many wait for it. */
  readonly keep: (asked: ForwardQuestion, keys: Keys, result: Forwarded) => Forwarded
  readonly counters: Pick<ForwardMetrics, 'coalesced' | 'rejects'>
  /** A place to wait for another's exchange, as one's own takes; given back by calling it, undefined: there is none. */
  readonly claim: (asker: string) => (() => void) | undefined
  /**
   * Whether what was asked for with these keys, or what came of it, has been flushed since: then it is no answer for who
   * asks now. Default: nothing ever is.
   */
  readonly isFlushed?: (keys: Keys, result?: Forwarded) => boolean
}

/** Another may have taken its place. */
function leave(leaders: KeyedSlots<Leader>, leader: Leader): void {
  const { question } = leader.keys
  if (leaders.get(question) === leader) leaders.delete(question)
}

interface Leader {
  readonly asker: string
  readonly keys: Keys
  readonly result: Promise<Forwarded>
}

export type Inflight = (asked: ForwardQuestion, keys: Keys) => Forwarded | Promise<Forwarded>

export function createInflight(options: InflightOptions): Inflight {
  const { ask, keep, counters, claim, isFlushed = () => false } = options
  // Without RD an upstream tells only what it has at hand.
  const recursive = new KeyedSlots<Leader>()
  const others = new KeyedSlots<Leader>()

  function lead(
    leaders: KeyedSlots<Leader>,
    asked: ForwardQuestion,
    keys: Keys,
  ): Forwarded | Promise<Forwarded> {
    const answer = ask(asked)
    if (!(answer instanceof Promise)) return keep(asked, keys, answer)
    const result = answer.then(
      (settled) => {
        leave(leaders, leader)
        return keep(asked, keys, settled)
      },
      (error: unknown) => {
        leave(leaders, leader)
        throw error
      },
    )
    const leader: Leader = { asker: asked.asker, keys, result }
    leaders.set(keys.question, leader)
    return result
  }

  async function follow(
    leader: Leader,
    asked: ForwardQuestion,
    keys: Keys,
    release: () => void,
  ): Promise<Forwarded> {
    try {
      const result = await leader.result
      if (leader.keys.since === keys.since || !isFlushed(leader.keys, result)) {
        // One asker's limit is not another's.
        const isTheirs = 'failure' in result && result.reason === 'busy' && leader.asker !== asked.asker
        return isTheirs ? keep(asked, keys, await ask(asked)) : result
      }
    } finally {
      release()
    }
    return share(asked, keys)
  }

  function share(asked: ForwardQuestion, keys: Keys): Forwarded | Promise<Forwarded> {
    const leaders = wantsRecursion(asked) ? recursive : others
    const leader = leaders.get(keys.question)
    if (leader === undefined || (leader.keys.since !== keys.since && isFlushed(leader.keys))) {
      return lead(leaders, asked, keys)
    }
    const release = claim(asked.asker)
    if (release === undefined) {
      counters.rejects.add(1)
      return { failure: 'too many questions are waiting for upstreams', reason: 'busy' }
    }
    counters.coalesced.add(1)
    return follow(leader, asked, keys, release)
  }

  return share
}
