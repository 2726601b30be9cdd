// /api/names and /api/query: who may ask, and on whose behalf. Names are inside knowledge; see DESIGN's scope table.
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { canonicalAddress } from '../lib/ip.ts'
import type { AskerRef, Inspector, Problem } from './inspector.ts'
import { json, problem, type Reply, type Request, type Route } from './server.ts'

/** `hostNames`: the machine's own, by which a Host header may call it. */
export function apiRoutes(inspector: Inspector, hostNames: readonly string[] = [hostname()]): Route[] {
  const own = new Set(['localhost', ...hostNames.map((name) => name.toLowerCase())])

  function guarded(
    path: string,
    parameters: readonly string[],
    run: (request: Request, as: AskerRef) => Reply | Promise<Reply>,
  ): Route {
    const handle = (request: Request) => {
      const refusal = refuse(request, own)
      if (refusal !== undefined) return problem(403, refusal)
      for (const name of request.parameters.keys()) {
        if (!parameters.includes(name)) {
          return problem(400, `unknown parameter "${clip(name)}"; there are ${parameters.join(', ')}`)
        }
      }
      const as = askerOf(request)
      return as === undefined
        ? problem(400, '"as" must be "host", an IP address, or a container’s name or id')
        : run(request, as)
    }
    return { path, handle }
  }

  return [
    guarded('/api/names', ['as'], (_, as) => replyWith(inspector.names(as))),
    guarded('/api/query', ['name', 'type', 'as'], async ({ parameters }, as) => {
      const name = parameters.get('name') ?? ''
      if (name === '') return problem(400, 'no name was given; ask /api/query?name=NAME&type=TYPE')
      if (name.length > 1024) return problem(400, 'the name is too long; a domain name has 253 bytes at most')
      const type = (parameters.get('type') || 'A').toUpperCase()
      if (!/^[A-Z0-9]{1,16}$/.test(type))
        return problem(400, `"${clip(type)}" is not a record type; try A or AAAA`)
      return replyWith(await inspector.query(name, type, as))
    }),
  ]
}

/**
 * A page in a browser on this machine can point a name of its own at 127.0.0.1 and then read what we say (DNS
 * rebinding); its requests carry that name as Host. Those it sends without such tricks it can't read, but they would
 * still make us ask upstreams.
 */
function refuse({ headers }: Request, own: ReadonlySet<string>): string | undefined {
  const host = (headers.host ?? '').replace(/:\d*$/, '').toLowerCase()
  const literal = host.startsWith('[') ? isIP(host.slice(1, -1).replace(/%.*$/, '')) === 6 : isIP(host) === 4
  if (!literal && !own.has(host)) {
    return `the Host header says "${clip(host)}"; ask by IP address or as localhost, so that no web page can`
  }
  // "same-site" is another program's page on localhost.
  const site = headers['sec-fetch-site'] ?? 'none'
  if (site !== 'none' && site !== 'same-origin') return 'other web sites may not ask'
  const forwarded = forwardingHeaders.find((name) => headers[name] !== undefined)
  if (forwarded !== undefined) {
    return `it came through a proxy (${forwarded}), so that who asks can't be told; ask directly`
  }
  return undefined
}

/** A proxy on this machine would lend its loopback address, and with it the host's view, to whoever reaches it. */
const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const

/** Callers from elsewhere are who their address says, whatever they ask for. */
function askerOf({ parameters, remote }: Request): AskerRef | undefined {
  if (!isLoopback(remote)) return { kind: 'address', address: remote }
  const as = parameters.get('as') || 'host'
  if (as === 'host') return { kind: 'host' }
  const address = canonicalAddress(as)
  if (address !== undefined) return { kind: 'address', address }
  return /^\/?[A-Za-z0-9][\w.-]{0,254}$/.test(as)
    ? { kind: 'container', name: as.replace(/^\//, '') }
    : undefined
}

/** Of a canonical address; IPv4-mapped ones are IPv4 there. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address)
}

function replyWith(reply: object | Problem): Reply {
  return 'problem' in reply && 'status' in reply ? json(Number(reply.status), reply) : json(200, reply)
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
