// Answers from the table and from `hosts:`, synchronously: what exists for this asker. undefined: not here.

import { rcode } from '../dns/header.ts'
import { encodeName, isWithin } from '../dns/name.ts'
import { readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import { pointerRecord, soaRecord } from '../dns/writer.ts'
import { formatAddress } from '../lib/ip.ts'
import { type Found, findForHost, findName } from '../registry/lookup.ts'
import type { Placed } from '../registry/order.ts'
import type { Endpoint } from '../registry/types.ts'
import { addressAnswer, type Context, type Decision, local, negative, type Question } from './decision.ts'
import type { Statics } from './statics.ts'

export function answerLocally(context: Context, statics: Statics, question: Question): Decision | undefined {
  const { scope, zone } = context
  const { name } = question
  if (isWithin(name, 'localhost')) {
    return addressAnswer(
      context,
      question,
      { v4: ['127.0.0.1'], v6: ['::1'] },
      'localhost is local (RFC 6761, 6.3)',
    )
  }
  if (name.endsWith('.arpa')) {
    const found = answerReverse(context, statics, question)
    if (found !== undefined) return found
  }

  const fixed = statics.find(name, scope)
  if (fixed === 'parent') {
    return negative(context, question, rcode.NOERROR, 'hosts: has names below this one')
  }
  if (fixed !== undefined) {
    const key = fixed.wildcard ? `*.${fixed.name}` : fixed.name
    return addressAnswer(context, question, fixed, `hosts: has it as ${key}`)
  }

  if (name === zone && scope.view !== 'starting' && scope.view !== 'forwarding') {
    const soa = soaRecord(zone, zone, context.snapshot.version, context.ttl)
    return question.type === type.SOA
      ? local([soa], "the zone's own SOA")
      : negative(context, question, rcode.NOERROR, 'the zone itself')
  }
  const inner =
    name.endsWith(`.${zone}`) && isWithin(name, zone) ? name.slice(0, -zone.length - 1) : undefined
  if (scope.view === 'networks') return answerScoped(context, question, inner ?? name)
  // The host is on none of the networks: dotted names without the zone are not its names.
  if (scope.view === 'host' && (inner !== undefined || !name.includes('.'))) {
    return answerHost(context, question, inner ?? name)
  }
  return undefined
}

function answerScoped(context: Context, question: Question, name: string): Decision | undefined {
  const { networks } = context.scope
  const found = findName(networks, name)
  return found && answerFound(context, question, found)
}

function answerHost(context: Context, question: Question, name: string): Decision | undefined {
  const found = findForHost(context.snapshot, name)
  if (found === undefined) return undefined
  if ('table' in found) return answerFound(context, question, found)
  const alternatives = qualifiedNames(context, found.ambiguous)
  const rule = 'the name means several things; ask for one of the qualified names'
  return { ...negative(context, question, rcode.NOERROR, rule), alternatives } as Decision
}

function answerFound(context: Context, question: Question, { table, endpoints }: Found): Decision {
  const usable = healthy(context, endpoints)
  const addresses = { v4: usable.flatMap(({ v4 }) => v4), v6: usable.flatMap(({ v6 }) => v6) }
  const left = endpoints.length - usable.length
  const rule = `on network ${table.network.name}${left > 0 ? ` (${left} unhealthy left out)` : ''}`
  return addressAnswer(context, question, addresses, rule, table.network.name)
}

/** Unhealthy containers step back behind others of the name (`prefer`), or always (`require`); starting ones never do. */
function healthy(context: Context, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (context.health === 'ignore') return endpoints
  const healthOf = (endpoint: Endpoint) => context.snapshot.containers.get(endpoint.containerId)?.health
  const good = endpoints.filter((endpoint) => healthOf(endpoint) !== 'unhealthy')
  if (context.health === 'require') return good.filter((endpoint) => healthOf(endpoint) !== 'starting')
  return good.length > 0 ? good : endpoints
}

/** PTR of addresses on the scope's networks: Docker's NAME.NETWORK, for the host under our zone. */
function answerReverse(context: Context, statics: Statics, question: Question): Decision | undefined {
  const block = readReverse(question.name)
  if (block === undefined || block.malformed || block.prefix !== block.bytes.length * 8) return undefined
  const address = formatAddress(block.bytes)
  if (address === '::1' || (block.bytes[0] === 127 && block.bytes.length === 4)) {
    return pointer(context, question, ['localhost'], 'loopback is localhost')
  }
  const fixed = statics.namesOf(address, context.scope)
  if (fixed.length > 0) return pointer(context, question, fixed, 'hosts: has this address')
  for (const table of context.scope.networks) {
    const endpoint = table.owners.get(address)
    if (endpoint === undefined) continue
    const suffix = context.scope.view === 'host' ? `.${context.zone}` : ''
    const names = endpoint.names.map((name) => `${name}.${table.network.name}${suffix}`)
    const canonical = names.find((name) => encodeName(name) !== undefined)
    if (canonical === undefined) continue
    return pointer(context, question, [canonical], `on network ${table.network.name}`, table.network.name)
  }
  return undefined
}

function pointer(
  context: Context,
  question: Question,
  names: readonly string[],
  rule: string,
  network?: string,
): Decision {
  if (question.type !== type.PTR) return negative(context, question, rcode.NOERROR, rule, network)
  const answers = names.map((name) => pointerRecord(encodeName(name)!, context.ttl))
  return local(answers, rule, network)
}

function qualifiedNames(context: Context, places: readonly Placed[]): string[] {
  const names = places.map(
    ({ endpoint, table }) => `${endpoint.names[0]}.${table.network.name}.${context.zone}`,
  )
  return [...new Set(names)].sort()
}
