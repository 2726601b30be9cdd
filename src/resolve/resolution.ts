// What becomes of one question: decided here, or forwarded and the answer filtered. The socket encodes a Resolution, the
// HTTP API explains it, so that what is explained is what is done.
import { type Edns, type ExtendedError, ede } from '../dns/edns.ts'
import { type Rcode, rcode, rcodeOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import { replyCode } from '../dns/relay.ts'
import type { Answered, Failed, Forward, Forwarded } from '../forward/types.ts'
import type { Withheld } from './answer-filter.ts'
import type { ForwardDecision, LocalAnswer } from './decision.ts'
import type { Resolver } from './resolver.ts'

export interface Asked {
  /** The source address and the address it was sent to, as the socket has them. */
  readonly asker: string
  readonly local: string
  /** The whole message that `question` and `edns` were read from. */
  readonly message: Buffer
  readonly question: Question
  readonly edns: Edns | undefined
}

interface Common {
  /** The client's. */
  readonly rcode: Rcode
  readonly decision: ForwardDecision
}

/** The upstream's answer goes to the client. */
interface Relay extends Common {
  readonly kind: 'relay'
  readonly source: 'forward' | 'cache'
  readonly forwarded: Answered
  /** That it is stale (RFC 8914), beside the upstream's own errors. */
  readonly error: ExtendedError | undefined
}

/** The upstream's answer is not for this client: an rcode without records goes in its place. */
interface Refusal extends Common {
  readonly kind: 'withheld'
  readonly source: 'policy'
  readonly forwarded: Answered
  readonly withheld: Withheld
  readonly error: ExtendedError
}

/** No upstream answered: SERVFAIL. */
interface Failure extends Common {
  readonly kind: 'failure'
  readonly source: 'forward' | 'cache'
  readonly forwarded: Failed
  readonly error: ExtendedError
}

export type Resolution = LocalAnswer | Relay | Refusal | Failure

export interface ResolveOptions {
  readonly resolver: Pick<Resolver, 'scope' | 'decide' | 'withhold'>
  readonly forward: Forward
}

/** A plain value for what is answered at once, a promise only while upstreams are asked. Never rejects. */
export function resolve(options: ResolveOptions, asked: Asked): Resolution | Promise<Resolution> {
  const { resolver, forward } = options
  const { asker, local, message, question, edns } = asked
  const decision = resolver.decide(resolver.scope(asker, local), question)
  if (decision.kind === 'answer') return decision
  const forwarded = forward({ query: message, question, edns, route: decision.route, asker })
  return forwarded instanceof Promise
    ? forwarded.then((later) => conclude(resolver, asked, decision, later))
    : conclude(resolver, asked, decision, forwarded)
}

function conclude(
  resolver: ResolveOptions['resolver'],
  { asker, local, question }: Asked,
  decision: ForwardDecision,
  forwarded: Forwarded,
): Resolution {
  const source = forwarded.cached === undefined ? 'forward' : 'cache'
  if ('failure' in forwarded) {
    const error = { code: failureCode(forwarded), text: forwarded.failure }
    return { kind: 'failure', rcode: rcode.SERVFAIL, source, error, decision, forwarded }
  }
  // The table may have changed meanwhile: what counts is who may see what now.
  const scope = resolver.scope(asker, local)
  const withheld = resolver.withhold(scope, question.name, decision.route, forwarded.reply)
  if (withheld !== undefined) {
    const { rcode, error } = withheld
    return { kind: 'withheld', rcode, source: 'policy', error, decision, forwarded, withheld }
  }
  const code = replyCode(forwarded.reply)
  return {
    kind: 'relay',
    // An upstream does not know that we have names below this one.
    rcode: code === rcode.NXDOMAIN && decision.isAbove ? rcode.NOERROR : code,
    source,
    error: staleError(forwarded),
    decision,
    forwarded,
  }
}

/** By what became of the attempts (RFC 8914). */
const failureCodes = {
  none: ede.noReachableAuthority,
  unreachable: ede.noReachableAuthority,
  failed: ede.networkError,
  busy: ede.other,
} as const

function failureCode({ reason, cached }: Failed): number {
  return cached === undefined ? failureCodes[reason] : ede.cachedError
}

function staleError({ reply, cached }: Answered): ExtendedError | undefined {
  if (!cached?.stale) return undefined
  return { code: rcodeOf(reply.message) === rcode.NXDOMAIN ? ede.staleNxdomain : ede.staleAnswer }
}

/** What decided, for the log: the rule of a local answer; else the upstream, how old its answer is, and the attempts. */
export function reasonOf(resolution: Resolution): string {
  if (resolution.kind === 'answer') return resolution.rule
  const { forwarded } = resolution
  if (resolution.kind === 'failure') return resolution.forwarded.failure + ageOf(forwarded)
  const { upstream, tries, cached } = resolution.forwarded
  const answer =
    cached === undefined
      ? (tries ?? upstream)
      : upstream + ageOf(forwarded) + (tries === undefined ? '' : `; ${tries}`)
  return resolution.kind === 'withheld' ? `${answer}: ${resolution.withheld.rule}` : answer
}

/** ", 12 s old and stale" */
function ageOf({ cached }: Forwarded): string {
  return cached === undefined ? '' : `, ${cached.age} s old${cached.stale ? ' and stale' : ''}`
}
