// PTR: the canonical name of an address on the asker's networks, as Docker says it; for the host under our zone.
import { encodeName } from '../dns/name.ts'
import { readReverse } from '../dns/reverse.ts'
import { type } from '../dns/types.ts'
import { pointerRecord } from '../dns/writer.ts'
import { formatAddress } from '../lib/ip.ts'
import { awaitsLocal, isLocal } from '../registry/locality.ts'
import type { Endpoint, NetworkTable } from '../registry/types.ts'
import type { Context } from './context.ts'
import { type Decision, local, otherTypes, type Question } from './decision.ts'
import { qualifiedOwner, ttlOf } from './name-lookup.ts'
import { reachableAddresses } from './reachable.ts'
import type { Statics } from './statics.ts'

export function answerPtr(context: Context, statics: Statics, question: Question): Decision | undefined {
  const block = readReverse(question.name)
  if (block === undefined || block.malformed || block.prefix !== block.bytes.length * 8) return undefined
  const address = formatAddress(block.bytes)
  if (address === '::1' || (block.bytes[0] === 127 && block.bytes.length === 4)) {
    return pointer(context, question, ['localhost'], context.ttl, 'loopback is localhost')
  }
  const fixed = statics.namesOf(address, context.scope)
  if (fixed.length > 0) return pointer(context, question, fixed, context.ttl, 'hosts: has this address')
  for (const table of context.scope.view === 'host' ? localFirst(context) : context.scope.networks) {
    const endpoint = ownerOf(context, table, address)
    if (endpoint === undefined) continue
    const { v4, v6 } = reachableAddresses(context, table, endpoint)
    if (!v4.includes(address) && !v6.includes(address)) continue
    if (table.containers.get(endpoint.containerId)?.settings.ignored) continue
    const canonical = qualifiedOwner(context, endpoint, table, context.scope.view === 'host')
    if (canonical === undefined) continue
    const ttl = ttlOf(context, { table, endpoints: [endpoint] })
    return pointer(
      context,
      question,
      [canonical],
      ttl,
      `on network ${table.network.name}`,
      table.network.name,
    )
  }
  return undefined
}

/** Local engines' addresses win; while a local engine has not been read, remote ones do not count. */
function localFirst(context: Context): readonly NetworkTable[] {
  const { tables, engines } = context.whole()
  const here = tables.filter(({ network }) => isLocal(engines, network.engine))
  if (here.length === tables.length || awaitsLocal(engines)) return here
  return [...here, ...tables.filter((table) => !here.includes(table))]
}

/** On a Swarm's network another engine may list the address of a container of ours. */
function ownerOf(context: Context, table: NetworkTable, address: string): Endpoint | undefined {
  const owners = table.owners.get(address)
  if (owners === undefined || owners.length < 2) return owners?.[0]
  const { engines } = context.whole()
  const isOurs = ({ containerId }: Endpoint) => isLocal(engines, table.containers.get(containerId)?.engine)
  return owners.find(isOurs) ?? owners[0]
}

function pointer(
  context: Context,
  question: Question,
  names: readonly string[],
  ttl: number,
  rule: string,
  network?: string,
): Decision {
  if (question.type !== type.PTR) return otherTypes(context, question, rule, network)
  const answers = names.map((name) => pointerRecord(encodeName(name)!, ttl))
  return local(answers, rule, network)
}
