// /api/names and /api/query: who may ask, and on whose behalf. Names are inside knowledge; see DESIGN's scope table.
import { canonicalAddress } from '../lib/ip.ts'
import { clip, createGuard, holdsToken } from './guard.ts'
import type { AskerRef, Inspector, Problem } from './inspector.ts'
import { json, problem, type Reply, type Request, type Route } from './server.ts'

/** What decides on who may ask, as it is now. */
export interface Access {
  /** More names that a Host header may call us by. */
  hosts(): readonly string[]
  /** SHA-256 of the token that the host's view wants over TCP, hex; undefined: it wants none. */
  tokenDigest(): string | undefined
  /** Whether who asks from this address has the host's view. */
  hasHostView(address: string): boolean
}

const openAccess: Access = { hosts: () => [], tokenDigest: () => undefined, hasHostView: () => false }

/** `hostNames`: the machine's own, by which a Host header may call it. */
export function apiRoutes(
  inspector: Inspector,
  hostNames?: readonly string[],
  access: Access = openAccess,
): Route[] {
  const { refuseApi } = createGuard(access.hosts, hostNames)

  /** Loopback gets the host's view, or any other that it names; our own addresses and scope.gateway may give it too. */
  function wantsToken({ viaSocket, remote }: Request): boolean {
    return !viaSocket && (isLoopback(remote) || access.hasHostView(remote))
  }

  function guarded(
    path: string,
    parameters: readonly string[],
    run: (request: Request, as: AskerRef) => Reply | Promise<Reply>,
  ): Route {
    const handle = (request: Request) => {
      const refusal = refuseApi(request)
      if (refusal !== undefined) return problem(403, refusal)
      const digest = access.tokenDigest()
      if (digest !== undefined && wantsToken(request) && !holdsToken(request, digest))
        return unauthorized(request)
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

/** Callers from elsewhere are who their address says, whatever they ask for. */
function askerOf({ parameters, viaSocket, remote }: Request): AskerRef | undefined {
  if (!viaSocket && !isLoopback(remote)) return { kind: 'address', address: remote }
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

/** RFC 6750, 3. */
function unauthorized({ headers }: Request): Reply {
  const gave = headers.authorization === undefined ? '' : ', error="invalid_token"'
  return {
    ...problem(401, gave === '' ? tokenMissing : tokenWrong),
    headers: { 'www-authenticate': `Bearer realm="berth"${gave}` },
  }
}

const tokenMissing =
  'the host’s view wants the token of api.token: send "Authorization: Bearer TOKEN", or ask through api.socket'
const tokenWrong =
  'this is not the token of api.token; send "Authorization: Bearer TOKEN" with what its file holds'

function replyWith(reply: object | Problem): Reply {
  return 'problem' in reply && 'status' in reply ? json(Number(reply.status), reply) : json(200, reply)
}
