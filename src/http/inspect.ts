// What /api/names and /api/query reply: the names in a scope, and the Resolution that a socket would encode, explained.
import { randomInt } from 'node:crypto'
import { udpPayloadBytes } from '../dns/edns.ts'
import { rcodeName } from '../dns/header.ts'
import { encodeQuery, readMessage } from '../dns/message.ts'
import { canonicalName, type Question, readQuestion } from '../dns/name.ts'
import { typeCode, typeName } from '../dns/types.ts'
import { writeReply } from '../dns/writer.ts'
import type { Holdings } from '../forward/cache/contents.ts'
import type { Cached, Forward } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { isLoopback } from '../lib/interfaces.ts'
import { isLocal } from '../registry/locality.ts'
import type { Container, Endpoint } from '../registry/types.ts'
import { resolve } from '../resolve/resolution.ts'
import type { Resolver } from '../resolve/resolver.ts'
import type { Scope, ScopeRule } from '../scope/scope.ts'
import type { AskerRef, IgnoredLabel, Inspector, Problem, QueryReply, VisibleName } from './api-types.ts'
import { mergeHoldings } from './cache-entries.ts'

export interface InspectOptions {
  readonly resolver: Resolver
  readonly forward: Forward
  /** What this process has cached of a name. */
  readonly holdings?: (name: string) => Promise<Holdings>
  readonly zone: string
  readonly clock: Pick<Clock, 'monotonic'>
}

const ruleSentences: Record<ScopeRule, string> = {
  host: 'loopback or one of our own addresses: the host view',
  starting: 'no engine has been read yet: only hosts: and foreign names',
  gateway: "a network's gateway address, behind which anybody may be (scope.gateway)",
  container: "a container's address: all of its networks",
  'shared address': 'several containers or networks share the address: only what all of them may see',
  subnet: "inside a network's subnet: that network",
  allowed: 'in scope.allow: forwarding only',
  stranger: 'none of ours: refused',
}

const unsure = "a container's address, but its engine is out of reach: only the network that it is on"

const sentenceOf = ({ rule, former }: Scope) => (former === undefined ? ruleSentences[rule] : unsure)

const takenName = 'it is the NAME.NETWORK or SERVICE.PROJECT of another container'

/** The client on whose behalf a request asks. */
interface Asking {
  /** Source address. */
  readonly asker: string
  /** The address it asks. */
  readonly local: string
  readonly scope: Scope
  readonly label: string
}

export function createInspector(options: InspectOptions): Inspector {
  const { resolver, zone, clock } = options

  function scopeFor(as: AskerRef): Asking | Problem {
    if (as.kind === 'host') return asking('127.0.0.1', '127.0.0.1', 'host')
    if (as.kind === 'address') {
      return asking(as.address, as.address, isLoopback(as.address) ? 'host' : as.address)
    }
    const container = findContainer(as.name)
    if (container === undefined) {
      return {
        problem: `no container is called ${as.name}; 'berth names --as host' lists the running ones`,
        status: 404,
      }
    }
    if (!isLocal(resolver.snapshot().engines, container.engine)) {
      const why = `runs on the remote engine ${container.engine}: none of its containers asks here`
      return { problem: `container ${container.name} ${why}`, status: 404 }
    }
    const endpoint = container.endpoints.find(({ v4, v6 }) => v4.length + v6.length > 0)
    if (endpoint === undefined) {
      const why = container.running
        ? 'has no network of its own (it may share the host’s: ask as host)'
        : 'is not running'
      return { problem: `container ${container.name} ${why}`, status: 404 }
    }
    const gateway = resolver.snapshot().networks.get(endpoint.networkId)?.network.gateways[0]
    const address = endpoint.v4[0] ?? endpoint.v6[0]!
    return asking(address, gateway ?? address, container.name)
  }

  function asking(asker: string, local: string, label: string): Asking {
    return { asker, local, scope: resolver.scope(asker, local), label }
  }

  function findContainer(name: string): Container | undefined {
    const { containers, engines } = resolver.snapshot()
    const isHere = (container: Container) => isLocal(engines, container.engine)
    const all = [...containers.values()].sort((a, b) => Number(isHere(b)) - Number(isHere(a)))
    return (
      all.find((container) => container.name === name) ??
      (/^[0-9a-f]{12,64}$/.test(name) ? all.find((container) => container.id.startsWith(name)) : undefined)
    )
  }

  function listNames(scope: Scope): VisibleName[] {
    return scope.networks.flatMap((table) => {
      const list = (entries: ReadonlyMap<string, readonly Endpoint[]>, start = '') =>
        [...entries].map(([name, endpoints]) => {
          const reached = endpoints.map((endpoint) => resolver.reached(scope, table, endpoint))
          return {
            name: scope.view === 'host' ? `${start}${name}.${table.name}.${zone}` : start + name,
            network: table.network.name,
            v4: reached.flatMap(({ v4 }) => v4),
            v6: reached.flatMap(({ v6 }) => v6),
            containers: endpoints.map(({ containerId }) => nameOf(containerId)),
          }
        })
      const linked = [...(scope.links?.get(table.network.id) ?? [])].flatMap(([alias, target]) => {
        const endpoints = table.names.get(target) ?? table.added.get(target)
        return endpoints === undefined ? [] : [[alias, endpoints] as const]
      })
      // The alias "*.web" is both a literal name and the wildcard for all names below "web".
      const isNoWildcard = ([name]: readonly [string, unknown]) =>
        !name.startsWith('*.') || !table.wildcards.has(name.slice(2))
      return [
        ...list(new Map([...table.added, ...table.names, ...linked].filter(isNoWildcard))),
        ...list(table.replicas),
        ...list(new Map([...table.labelled].filter(([name]) => resolver.mayBeLabelled(scope, name)))),
        ...list(table.wildcards, '*.'),
      ]
    })
  }

  function listIgnored(scope: Scope): IgnoredLabel[] {
    return [...resolver.snapshot().containers.values()].flatMap(({ name, ungranted, settings }) => [
      ...ungranted.map((each) => ({ container: name, ...each })),
      ...settings.names
        .filter((each) => !resolver.mayBeLabelled(scope, each))
        .map((value) => ({ container: name, label: 'berth.names', value, why: takenName })),
    ])
  }

  function nameOf(containerId: string): string {
    return resolver.snapshot().containers.get(containerId)?.name ?? containerId.slice(0, 12)
  }

  return {
    names(as) {
      const found = scopeFor(as)
      if ('problem' in found) return found
      const { scope, label } = found
      return {
        as: label,
        rule: sentenceOf(scope),
        view: scope.view,
        networks: scope.networks.map((table) => table.network.name),
        forwards: resolver.forwards(scope),
        names: listNames(scope),
        ...(scope.view === 'host' ? { ignoredLabels: listIgnored(scope) } : {}),
      }
    },

    async query(name, type, as, seesCache = false) {
      const found = scopeFor(as)
      if ('problem' in found) return found
      const canonical = canonicalName(name)
      if (canonical === undefined) return { problem: `${name} is not a domain name`, status: 400 }
      const code = typeCode(type)
      if (code === undefined)
        return { problem: `${type} is not a record type; try A, AAAA or TYPE65`, status: 400 }
      const query = encodeQuery(canonical, typeName(code), { id: randomInt(0x10000), edns: udpPayloadBytes })
      const question = readQuestion(query)
      if (question === undefined) return { problem: `${name} cannot be asked for`, status: 400 }
      const head = { name: canonical === '' ? '.' : canonical, type: typeName(code), as: found.label }
      const reply = await answer(found, query, question)
      return { ...head, ...reply, ...(seesCache ? await keptOf(canonical) : {}) }
    },
  }

  async function keptOf(name: string): Promise<Pick<QueryReply, 'kept'>> {
    const holdings = await options.holdings?.(name)
    if (holdings === undefined || holdings.list.length === 0) return {}
    return { kept: mergeHoldings({ told: [{ worker: 1, ...holdings }], silent: [] }) }
  }

  async function answer(
    { scope, asker, local }: Asking,
    message: Buffer,
    question: Question,
  ): Promise<Omit<QueryReply, 'name' | 'type' | 'as'>> {
    const edns = { version: 0, udpBytes: udpPayloadBytes, dnssecOk: false }
    const started = clock.monotonic()
    const resolution = await resolve(options, { asker, local, message, question, edns })
    const ms = Math.round((clock.monotonic() - started) * 10) / 10
    const { source } = resolution
    const head = { rcode: rcodeName(resolution.rcode), source }
    if (resolution.kind === 'answer') {
      const { rule, network, alternatives } = resolution
      return {
        ...head,
        rule: `${sentenceOf(scope)}; ${rule}`,
        answers: readMessage(writeReply(message, question, undefined, resolution, 0xffff)).answers,
        ...(network === undefined ? {} : { network }),
        ...(alternatives === undefined ? {} : { alternatives }),
      }
    }
    const { kind, decision, forwarded } = resolution
    const rule = `${sentenceOf(scope)}; ${decision.rule}`
    const way = {
      route: decision.route.name,
      ms,
      ...(forwarded.cached === undefined ? {} : { cached: withoutLease(forwarded.cached) }),
    }
    if (kind === 'failure') {
      return { ...way, ...head, rule: `${rule}; ${resolution.forwarded.failure}`, answers: [] }
    }
    const { upstream, tries, reply } = resolution.forwarded
    const from = { upstream, ...(tries === undefined ? {} : { tries }) }
    return kind === 'withheld'
      ? { ...way, ...head, rule: `${rule}; ${resolution.withheld.rule}`, ...from, answers: [] }
      : { ...way, ...head, rule, ...from, answers: readMessage(reply.message).answers }
  }
}

function withoutLease({ lease: _, ...cached }: Cached): NonNullable<QueryReply['cached']> {
  return cached
}
