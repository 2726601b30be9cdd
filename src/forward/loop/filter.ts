// What every question goes through before it is forwarded: probes for loops that came back are caught, upstreams that
// are put aside are left out, and what looks like a loop is reported.
import { splitName } from '../../dns/name.ts'
import { KeyedSlots } from '../../lib/slots.ts'
import type { Failed, Forward, Forwarded, ForwardQuestion } from '../types.ts'

/** A probe's first label: this, and its token. */
export const probePrefix = 'berth-loop-'

export interface LoopFilterOptions {
  /** The upstream that a probe with this token came back from; undefined: the token is unknown, and the question is forwarded. */
  readonly caught: (token: string) => string | undefined | Promise<string | undefined>
  /** Texts of upstreams that are not asked. */
  readonly isAside: (text: string) => boolean
  /** They did not answer for a name that was asked again meanwhile: a retransmission, or the question on its way round. */
  readonly suspect: (silent: readonly string[], name: string) => void
}

export function createLoopFilter({
  caught,
  isAside,
  suspect,
}: LoopFilterOptions): (forward: Forward) => Forward {
  /** Questions being forwarded: key → how often the same came in meanwhile. */
  const flights = new KeyedSlots<{ again: boolean }>()

  function watch(asked: ForwardQuestion, result: Promise<Forwarded>): Promise<Forwarded> {
    const { route, question } = asked
    const key = `${route.name} ${question.type} ${question.name}`
    const before = flights.get(key)
    if (before !== undefined) {
      before.again = true
      return result
    }
    const flight = { again: false }
    flights.set(key, flight)
    return result.then(
      (forwarded) => {
        flights.delete(key)
        if (flight.again) {
          const texts = route.upstreams.map(({ text }) => text)
          const answered = 'reply' in forwarded ? texts.indexOf(forwarded.upstream) : -1
          suspect(answered < 0 ? texts : texts.slice(0, answered), question.name)
        }
        return forwarded
      },
      (error: unknown) => {
        flights.delete(key)
        throw error
      },
    )
  }

  return (forward) => {
    function pass(asked: ForwardQuestion): Forwarded | Promise<Forwarded> {
      const { route } = asked
      let { upstreams } = route
      for (const { text } of route.upstreams) {
        if (isAside(text)) upstreams = upstreams.filter((upstream) => upstream.text !== text)
      }
      if (upstreams.length === 0 && route.upstreams.length > 0) {
        return { failure: 'every upstream sends our questions back to us', reason: 'none' }
      }
      const used = upstreams === route.upstreams ? asked : { ...asked, route: { ...route, upstreams } }
      const result = forward(used)
      return result instanceof Promise ? watch(used, result) : result
    }

    return (asked) => {
      const { name } = asked.question
      const from = name.startsWith(probePrefix) ? caught(tokenOf(name)) : undefined
      if (from instanceof Promise) {
        return from.then((text) => (text === undefined ? pass(asked) : cameBack(text)))
      }
      return from === undefined ? pass(asked) : cameBack(from)
    }
  }
}

function cameBack(text: string): Failed {
  return { failure: `a probe for loops came back from ${text}`, reason: 'failed' }
}

function tokenOf(name: string): string {
  return splitName(name)[0]!.slice(probePrefix.length)
}
