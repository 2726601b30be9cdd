// Local answers: from `hosts:` and the name table, for this asker, synchronously.
import type { StaticHost } from '../config/types.ts'
import { rcode } from '../dns/header.ts'
import { isWithin } from '../dns/name.ts'
import { type } from '../dns/types.ts'
import { soaRecord } from '../dns/writer.ts'
import type { Context } from './context.ts'
import { addressAnswer, type Decision, local, negative, otherTypes, type Question } from './decision.ts'
import { answerDockerHost } from './docker-desktop.ts'
import {
  matchAsDocker,
  matchBeyondDocker,
  mayBeSearch,
  type NameMatch,
  qualifiedName,
  ttlOf,
  usable,
} from './name-lookup.ts'
import { answerPtr } from './ptr.ts'
import { reachableAddresses } from './reachable.ts'
import { answerSrv } from './srv.ts'
import type { Statics } from './statics.ts'

/** undefined: there is no local answer. */
export function answerLocally(context: Context, statics: Statics, question: Question): Decision | undefined {
  const { name } = question
  if (name === 'localhost') return loopback(context, question)
  // The configuration first, then what Docker itself would answer, then names of our own.
  const fixed = statics.find(name, context.scope)
  if (fixed !== undefined && fixed !== 'parent') return answerStatically(context, question, fixed)
  const family = question.type === type.A ? 'v4' : question.type === type.AAAA ? 'v6' : undefined
  // Docker reads a PTR's name as an address alone.
  const isPointer = question.type === type.PTR && name.endsWith('.arpa')
  return (
    (context.isForeign || isPointer
      ? undefined
      : answerMatch(context, question, matchAsDocker(context, name, family))) ??
    (isWithin(name, 'localhost') ? loopback(context, question) : undefined) ??
    (isWithin(name, 'resolver.arpa') ? undesignated(context, question) : undefined) ??
    (name.endsWith('.arpa') ? answerPtr(context, statics, question) : undefined) ??
    (fixed === 'parent' ? aboveStatics(context, question) : undefined) ??
    answerZone(context, question) ??
    answerDockerHost(context, question) ??
    // Ports are closer than a wildcard.
    answerSrv(context, question) ??
    (context.isForeign ? undefined : answerMatch(context, question, matchBeyondDocker(context, name, family)))
  )
}

function loopback(context: Context, question: Question): Decision {
  const addresses = { v4: ['127.0.0.1'], v6: ['::1'] }
  return addressAnswer(context, question, addresses, 'localhost is local (RFC 6761, 6.3)')
}

/** An upstream's answer would send clients to a server that does not know our names (RFC 9462, 6.1). */
function undesignated(context: Context, question: Question): Decision {
  return negative(context, question, rcode.NOERROR, 'resolver.arpa is local (RFC 9462, 6.4)')
}

function aboveStatics(context: Context, question: Question): Decision {
  const code = mayBeSearch(context, question.name) ? rcode.NXDOMAIN : rcode.NOERROR
  return negative(context, question, code, 'hosts: has a wildcard and names below this one')
}

function answerStatically(context: Context, question: Question, fixed: StaticHost): Decision {
  const key = fixed.wildcard ? `*.${fixed.name}` : fixed.name
  return addressAnswer(context, question, fixed, `hosts: has it as ${key}`)
}

function answerZone(context: Context, question: Question): Decision | undefined {
  const { zone, scope, serial, ttl } = context
  if (question.name !== zone || scope.view === 'starting' || scope.view === 'forwarding') return undefined
  return question.type === type.SOA
    ? local([soaRecord(zone, zone, serial, ttl)], "the zone's own SOA")
    : otherTypes(context, question, 'the zone itself')
}

function answerMatch(
  context: Context,
  question: Question,
  meaning: NameMatch | undefined,
): Decision | undefined {
  if (meaning === undefined) return undefined
  if ('ambiguous' in meaning) {
    const names = meaning.ambiguous.map(({ endpoint, table }) =>
      qualifiedName(context, endpoint, table, true),
    )
    const rule = 'the name means several things; ask for one of the qualified names'
    const nothing = negative(context, question, rcode.NOERROR, rule)
    return { ...nothing, alternatives: [...new Set(names)].sort() } as Decision
  }
  const { table, endpoints } = meaning
  const healthy = usable(context, meaning)
  const reached = healthy.map((endpoint) => reachableAddresses(context, table, endpoint))
  const addresses = { v4: reached.flatMap(({ v4 }) => v4), v6: reached.flatMap(({ v6 }) => v6) }
  const left = endpoints.length - healthy.length
  const withheld = reached.find(({ why }) => why !== undefined)?.why
  const rule =
    withheld ?? `on network ${table.network.name}${left > 0 ? ` (${left} unhealthy left out)` : ''}`
  return addressAnswer(context, question, addresses, rule, {
    network: table.network.name,
    ttl: ttlOf(context, { table, endpoints: healthy }),
  })
}
