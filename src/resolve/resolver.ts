// The decision for one question in one scope: answered from the table, denied, or forwarded. Pure: it reads one snapshot.
import type { Config, Upstream } from '../config/types.ts'
import { ede } from '../dns/edns.ts'
import { rcode } from '../dns/header.ts'
import type { UpstreamReply } from '../dns/relay.ts'
import { asciiOf } from '../dns/told.ts'
import { type } from '../dns/types.ts'
import { anyRecord } from '../dns/writer.ts'
import type { Route } from '../forward/types.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import type { Gone } from '../registry/gone.ts'
import type { Store } from '../registry/store.ts'
import type { Endpoint, NetworkTable, Snapshot } from '../registry/types.ts'
import { type Clients, createClients } from '../scope/clients.ts'
import type { Scope, scopeTable } from '../scope/scope.ts'
import { type Withheld, withhold } from './answer-filter.ts'
import { answerChaos } from './chaos.ts'
import { Context } from './context.ts'
import { type Decision, isInternet, local, type Question, refusal } from './decision.ts'
import { denyOrForward } from './deny-or-forward.ts'
import { answerLocally } from './local.ts'
import { mayBeLabelled } from './name-lookup.ts'
import { type Reachable, reachableAddresses } from './reachable.ts'
import { indexRoutes, type Routes } from './routes.ts'
import { indexStatics, type Statics } from './statics.ts'
import { holdBackDenial } from './unreachable-engine.ts'

export interface ResolverOptions {
  readonly config: Pick<Config, 'zone' | 'ttl' | 'health' | 'scope' | 'hosts' | 'forward' | 'identity'>
  readonly store: Pick<Store, 'current'>
  /** This namespace's addresses now; the same object as long as they don't change. */
  readonly addresses: () => LocalAddresses
  readonly upstreams: () => readonly Upstream[]
  /** Names that have gone within the hour; undefined: none are remembered. */
  readonly gone?: Pick<Gone, 'has' | 'hadParent'> | undefined
  readonly random: () => number
  /** If they have been made of the configuration already. */
  readonly indexes?: { readonly statics: Statics; readonly routes: Routes }
  /** Default: the scope table. */
  readonly scopeRows?: typeof scopeTable
}

export interface Resolver {
  snapshot(): Snapshot
  readonly clients: Clients
  scope(asker: string, local: string): Scope
  decide(scope: Scope, question: Question): Decision
  /** Whether an upstream's answer is withheld from this asker, by the table as it is now. */
  withhold(scope: Scope, name: string, route: Route, reply: UpstreamReply): Withheld | undefined
  /** Whether a name by label, without our zone, means nothing else to this asker. */
  mayBeLabelled(scope: Scope, name: string): boolean
  /** Which of an endpoint's addresses this asker gets. */
  reached(scope: Scope, table: NetworkTable, endpoint: Endpoint): Reachable
  /** Whether any question of this asker is forwarded. */
  forwards(scope: Scope): boolean
}

/** Transfers, and types that only mean something in a question or in OPT's place (RFC 6895, 3.1). */
const refusedTypes: readonly number[] = [type.AXFR, type.IXFR, 253, 254]

/** Seconds; long, so that it is seldom asked again (RFC 8482, 4.2). */
const anyTtl = 3600

/** ANY serves debugging and reflection attacks, and its answers are the largest (RFC 8482). */
const notForwarded: Decision = {
  ...local([anyRecord(anyTtl)], 'questions for ANY are not forwarded (RFC 8482)'),
  source: 'policy',
  isPassing: true,
}

const refused = ({ rule }: Scope) =>
  refusal(rcode.REFUSED, { code: ede.prohibited }, `this address is not served (${rule})`)

export function createResolver(options: ResolverOptions): Resolver {
  const { config, store } = options
  const { statics, routes } = options.indexes ?? {
    statics: indexStatics(config.hosts),
    routes: indexRoutes(config.forward),
  }
  const settings = { routes, singleLabel: config.forward.singleLabel }
  const clients = createClients(options)
  const filter = {
    rebindProtection: config.forward.rebindProtection,
    rebindAllow: new Set(config.forward.rebindAllow),
    own: () => options.addresses().own,
  }

  function decide(scope: Scope, question: Question): Decision {
    const { former } = scope
    const isNobody = scope.view === 'nobody'
    if (isNobody && (former === undefined || !isInternet(question))) return refused(scope)
    if (!isInternet(question)) {
      return (
        answerChaos(config.identity, question) ??
        refusal(rcode.REFUSED, { code: ede.notAuthoritative }, 'only class IN is served')
      )
    }
    if (refusedTypes.includes(question.type)) {
      return refusal(rcode.REFUSED, { code: ede.prohibited }, 'transfers are not served')
    }
    const context = new Context(options, scope, store.current(), question.name)
    let decision = isNobody
      ? refused(scope)
      : (answerLocally(context, statics, question) ??
        denyOrForward(context, settings, question, statics.isAbove(question.name, scope)))
    let { isPassing, isWhole } = context
    if (former !== undefined) {
      const before = new Context(options, former, store.current(), question.name)
      decision = holdBackDenial(decision, question, statics, context, before) ?? decision
      isPassing = context.isPassing || before.isPassing
      isWhole = context.isWhole || before.isWhole
    }
    if (decision.kind === 'forward') {
      return question.type === type.ANY ? notForwarded : isWhole ? { ...decision, isWhole } : decision
    }
    return isPassing || isWhole ? { ...decision, isPassing, isWhole } : decision
  }

  return {
    snapshot: store.current,
    clients,
    scope: (asker, local) => clients.of(asker, local).scope,
    decide(scope, question) {
      const decision = decide(scope, question)
      if (decision.kind !== 'forward') return decision
      // A name of ours in UTF-8 is not forwarded either.
      const name = asciiOf(question.name)
      if (name === undefined) return decision
      const other = decide(scope, { ...question, name })
      return other.kind === 'forward' ? decision : { ...other, isPassing: true }
    },
    withhold: (scope, name, route, reply) => withhold(filter, store.current(), scope, name, route, reply),
    mayBeLabelled: (scope, name) =>
      mayBeLabelled(new Context(options, scope, store.current(), name), name, scope.view === 'host'),
    reached: (scope, table, endpoint) =>
      reachableAddresses(new Context(options, scope, store.current(), ''), table, endpoint),
    forwards: (scope) => scope.forwards || settings.routes.forScope(scope) !== undefined,
  }
}
