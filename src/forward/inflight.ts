// Coalescing: identical questions that are under way share one exchange. It spares upstreams, and an attacker who
// wants many open questions for one name to guess at does not get them (RFC 5452, 5).
import type { ForwardCounters } from './counters.ts'
import { questionKey, wantsRecursion } from './key.ts'
import type { Forward, Forwarded, ForwardQuestion } from './types.ts'

export interface InflightOptions {
  readonly ask: Forward
  readonly counters: Pick<ForwardCounters, 'coalesced' | 'rejects'>
  /** A place to wait for another's exchange, as one's own takes; given back by calling it, undefined: there is none. */
  readonly claim: (asker: string) => (() => void) | undefined
}

interface Leader {
  readonly asker: string
  readonly result: Promise<Forwarded>
}

export function createInflight(options: InflightOptions): Forward {
  const { ask, counters, claim } = options
  const leaders = new Map<string, Leader>()

  function lead(key: string, asked: ForwardQuestion): Forwarded | Promise<Forwarded> {
    const answer = ask(asked)
    if (!(answer instanceof Promise)) return answer
    const result = answer.finally(() => leaders.delete(key))
    leaders.set(key, { asker: asked.asker, result })
    return result
  }

  async function follow(leader: Leader, asked: ForwardQuestion, release: () => void): Promise<Forwarded> {
    try {
      const result = await leader.result
      // One asker's limit is not another's.
      const isTheirs = 'failure' in result && result.reason === 'busy' && leader.asker !== asked.asker
      return isTheirs ? await ask(asked) : result
    } finally {
      release()
    }
  }

  return (asked) => {
    // Without RD an upstream tells only what it has at hand.
    const key = `${wantsRecursion(asked) ? 'RD' : ''} ${questionKey(asked)}`
    const leader = leaders.get(key)
    if (leader === undefined) return lead(key, asked)
    const release = claim(asked.asker)
    if (release === undefined) {
      counters.rejects.add(1)
      return { failure: 'too many questions are waiting for upstreams', reason: 'busy' }
    }
    counters.coalesced.add(1)
    return follow(leader, asked, release)
  }
}
