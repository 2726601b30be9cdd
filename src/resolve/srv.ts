// SRV (RFC 2782): `_PORT._PROTO.NAME`, where PORT is an exposed port's number or the name that a label gives it.
import { rcode } from '../dns/header.ts'
import { encodeName, splitName } from '../dns/name.ts'
import { type } from '../dns/types.ts'
import { type Answer, addressRecord, serviceRecord } from '../dns/writer.ts'
import { shuffle } from '../lib/shuffle.ts'
import type { Endpoint, NetworkTable, Port } from '../registry/types.ts'
import type { Context } from './context.ts'
import { type Decision, local, negative, otherTypes, type Question } from './decision.ts'
import { innerName, matchName, qualifiedOwner, ttlOf, usable } from './name-lookup.ts'
import { reachableAddresses } from './reachable.ts'

/** "_http._tcp.web" in its parts; "_tcp.web", which lies above such names, has no port. */
interface Service {
  readonly port: string | undefined
  readonly protocol: string
  readonly owner: string
}

const protocols: readonly string[] = ['_tcp', '_udp', '_sctp']

export function answerSrv(context: Context, question: Question): Decision | undefined {
  const service = readServiceName(question.name)
  if (service === undefined) return undefined
  const meaning = matchName(context, service.owner)
  // An ambiguous name has no services; the owner's own answer lists the qualified names.
  if (meaning === undefined || 'ambiguous' in meaning) return undefined
  const { table, endpoints } = meaning
  const there = endpoints.flatMap((endpoint) => portsOf(table, endpoint, service))
  if (there.length === 0) return undefined
  const network = table.network.name
  const empty = (rule: string) => negative(context, question, rcode.NOERROR, rule, network)
  if (service.port === undefined) return empty('ports of this protocol lie below it')
  if (question.type !== type.SRV) return otherTypes(context, question, 'a port has SRV records only', network)
  const served = usable(context, meaning).flatMap((endpoint) => portsOf(table, endpoint, service))
  if (served.length === 0) return empty('every container of the name is unhealthy')
  return serviceAnswer(context, question, table, served)
}

export function readServiceName(name: string): Service | undefined {
  if (!name.startsWith('_')) return undefined
  const [first = '', second = '', ...rest] = splitName(name)
  if (first.startsWith('_') && protocols.includes(second) && rest.length > 0) {
    return { port: first.slice(1), protocol: second.slice(1), owner: rest.join('.') }
  }
  if (protocols.includes(first) && second !== '') {
    return { port: undefined, protocol: first.slice(1), owner: [second, ...rest].join('.') }
  }
  return undefined
}

interface Served {
  readonly endpoint: Endpoint
  readonly port: Port
}

/** The same number may be exposed and named: once. */
function portsOf({ containers }: NetworkTable, endpoint: Endpoint, { port, protocol }: Service): Served[] {
  const ports = containers.get(endpoint.containerId)?.ports ?? []
  const matching = ports.filter((each) => {
    return (
      each.protocol === protocol && (port === undefined || each.name === port || String(each.number) === port)
    )
  })
  return matching
    .filter((each, i) => matching.findIndex(({ number }) => number === each.number) === i)
    .map((each) => ({ endpoint, port: each }))
}

function serviceAnswer(
  context: Context,
  question: Question,
  table: NetworkTable,
  served: readonly Served[],
): Decision {
  const endpoints = served.map(({ endpoint }) => endpoint)
  const ttl = ttlOf(context, { table, endpoints })
  const underZone = context.scope.view === 'host' || innerName(context, question.name) !== undefined
  const answers: Answer[] = []
  const additional: Answer[] = []
  const added = new Set<string>()
  for (const { endpoint, port } of shuffle([...served], context.random)) {
    const target = qualifiedOwner(context, endpoint, table, underZone)
    if (target === undefined) continue
    answers.push(serviceRecord(port.number, encodeName(target)!, ttl))
    if (added.has(target)) continue
    added.add(target)
    const { v4, v6 } = reachableAddresses(context, table, endpoint)
    for (const address of [...v4, ...v6]) {
      additional.push({ ...addressRecord(address, ttl), owner: target })
    }
  }
  return { ...local(answers, `ports on network ${table.network.name}`, table.network.name), additional }
}
