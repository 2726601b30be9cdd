// The decision for one question in one scope: table, then policy. The pipeline and the HTTP API share it, so that
// what is explained is what is done.
import type { Config, Upstream } from '../config/types.ts'
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import type { UpstreamReply } from '../dns/relay.ts'
import { type } from '../dns/types.ts'
import { anyRecord } from '../dns/writer.ts'
import type { Route } from '../forward/types.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import type { Gone } from '../registry/gone.ts'
import type { Store } from '../registry/store.ts'
import type { Snapshot } from '../registry/types.ts'
import { QuestionContext } from './context.ts'
import { type Decision, isInternet, local, type Question, refusal } from './decision.ts'
import { type Withheld, withhold } from './guard.ts'
import { answerIdentity } from './identity.ts'
import { mayBeLabelled } from './labelled.ts'
import { answerLocally } from './local.ts'
import { decideMiss } from './policy.ts'
import { indexRoutes } from './routes.ts'
import type { Scope, scopeTable } from './scope.ts'
import { createScopes } from './scopes.ts'
import { indexStatics } from './statics.ts'

export interface ResolverOptions {
  readonly config: Pick<Config, 'zone' | 'ttl' | 'health' | 'scope' | 'hosts' | 'forward' | 'identity'>
  readonly store: Pick<Store, 'current'>
  /** This namespace's addresses now; the same object as long as they don't change. */
  readonly addresses: () => LocalAddresses
  readonly upstreams: () => readonly Upstream[]
  /** Names that are gone; undefined: they are nobody's at once. */
  readonly gone?: Pick<Gone, 'has' | 'hadParent'> | undefined
  readonly random: () => number
  /** The scope table where it is another than ours. */
  readonly scopeRows?: typeof scopeTable
}

export interface Resolver {
  snapshot(): Snapshot
  /** Another number whenever the table or the local addresses are others. */
  epoch(): number
  scope(asker: string, local: string): Scope
  decide(scope: Scope, question: Question): Decision
  /** What an upstream may not tell this asker, judged by the table as it is now. */
  withhold(scope: Scope, name: string, route: Route, reply: UpstreamReply): Withheld | undefined
  /** Whether a name by label, without our zone, means nothing else to this asker. */
  mayBeLabelled(scope: Scope, name: string): boolean
  /** Whether anything of this asker's is forwarded. */
  forwards(scope: Scope): boolean
}

/** Transfers, and types that only mean something in a question or in OPT's place (RFC 6895, 3.1). */
const refusedTypes: readonly number[] = [type.AXFR, type.IXFR, 253, 254]

/** Seconds; long enough that nobody asks soon again (RFC 8482, 4.2). */
const anyTtl = 3600

/** ANY is for people who look around and for reflection attacks; its answers are the largest there are (RFC 8482). */
const notForwarded: Decision = {
  ...local([anyRecord(anyTtl)], 'questions for ANY are not forwarded (RFC 8482)'),
  source: 'policy',
  isPassing: true,
}

export function createResolver(options: ResolverOptions): Resolver {
  const { config, store } = options
  const statics = indexStatics(config.hosts)
  const settings = { routes: indexRoutes(config.forward), singleLabel: config.forward.singleLabel }
  const scopes = createScopes(options)

  return {
    snapshot: store.current,
    epoch: scopes.epoch,
    scope: scopes.of,
    decide(scope, question) {
      if (scope.view === 'nobody') {
        return refusal(rcode.REFUSED, { code: ede.prohibited }, `nobody is served there (${scope.rule})`)
      }
      if (!isInternet(question)) {
        return (
          answerIdentity(config.identity, question) ??
          refusal(rcode.REFUSED, { code: ede.notAuthoritative }, 'only class IN is served')
        )
      }
      if (refusedTypes.includes(question.type)) {
        return refusal(rcode.REFUSED, { code: ede.prohibited }, 'transfers are not served')
      }
      const context = new QuestionContext(options, scope, store.current(), question.name)
      const decision =
        answerLocally(context, statics, question) ??
        decideMiss(context, settings, question, statics.isAbove(question.name, scope))
      const { isPassing, isWhole } = context
      if (decision.kind === 'forward') {
        return question.type === type.ANY ? notForwarded : isWhole ? { ...decision, isWhole } : decision
      }
      return isPassing || isWhole ? { ...decision, isPassing, isWhole } : decision
    },
    withhold: (scope, name, route, reply) =>
      withhold(config.forward, store.current(), scope, name, route, reply),
    mayBeLabelled: (scope, name) =>
      mayBeLabelled(new QuestionContext(options, scope, store.current(), name), name, false),
    forwards: (scope) => scope.forwards || settings.routes.forScope(scope) !== undefined,
  }
}
