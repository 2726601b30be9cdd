// /api/names, /api/query and /api/cache: who may ask, and on whose behalf. Names are internal: see the scope table in
// ARCHITECTURE.md. Only the host's view may read and flush the cache.

import { isLoopback } from '../lib/interfaces.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { AskerRef, Inspector, Problem } from './api-types.ts'
import type { CacheDesk } from './cache-desk.ts'
import { clip, createGuard, holdsToken } from './guard.ts'
import { json, type Method, problem, type Reply, type Request, type Route } from './server.ts'

/** Who may ask, by the configuration in force. */
export interface Access {
  /** Additional names that a Host header may give us. */
  hosts(): readonly string[]
  /** SHA-256, in hex, of the token that the host's view requires over TCP; undefined: none. */
  tokenDigest(): string | undefined
  /** Whether callers from this address have the host's view. */
  hasHostView(address: string): boolean
}

const openAccess: Access = { hosts: () => [], tokenDigest: () => undefined, hasHostView: () => false }

/** `hostNames`: the machine's own names, which a Host header may give. */
export function apiRoutes(
  inspector: Inspector,
  hostNames?: readonly string[],
  access: Access = openAccess,
  cache?: CacheDesk,
): Route[] {
  const { refuseApi, refuseChange } = createGuard(access.hosts, hostNames)

  /** Loopback has the host's view and may ask for any other; our own addresses and scope.gateway may grant it, too. */
  function hasHostView({ viaSocket = false, remote }: Request): boolean {
    return viaSocket || isLoopback(remote) || access.hasHostView(remote)
  }

  function guarded(
    path: string,
    parameters: readonly string[],
    run: (request: Request, as: AskerRef) => Reply | Promise<Reply>,
    methods?: readonly Method[],
  ): Route {
    const handle = (request: Request) => {
      const refusal = refuseApi(request) ?? (request.method === 'DELETE' ? refuseChange(request) : undefined)
      if (refusal !== undefined) return problem(403, refusal)
      const digest = access.tokenDigest()
      const wantsToken = digest !== undefined && !request.viaSocket && hasHostView(request)
      if (wantsToken && !holdsToken(request, digest)) return unauthorized(request)
      for (const name of request.parameters.keys()) {
        if (!parameters.includes(name)) {
          return problem(
            400,
            `unknown parameter "${clip(name)}"; the parameters are ${parameters.join(', ')}`,
          )
        }
      }
      const as = askerOf(request)
      return as === undefined
        ? problem(400, '"as" must be "host", an IP address, or a container’s name or id')
        : run(request, as)
    }
    return methods === undefined ? { path, handle } : { path, methods, handle }
  }

  function answerCache(desk: CacheDesk, request: Request): Promise<Reply> | Reply {
    if (!hasHostView(request)) return problem(403, 'only the host’s view may see the cache')
    const { parameters, method, viaSocket, remote } = request
    for (const name of parameters.keys()) {
      if (parameters.getAll(name).length > 1) return problem(400, `"${name}" is given twice`)
    }
    const name = parameters.get('name') ?? undefined
    if (name === '') return problem(400, 'the name is empty; the root is "."')
    if (name !== undefined && name.length > 1024) return problem(400, nameTooLong)
    const below = flagOf(parameters.get('below'))
    if (below === undefined) return problem(400, '"below" must be true or false')
    if (below && name === undefined) return problem(400, '"below" needs a name')
    const type = parameters.get('type') ?? undefined
    if (method === 'DELETE') {
      if (type !== undefined) return problem(400, 'a flush removes all types of a name; leave out "type"')
      return desk.flush(name, below, viaSocket ? 'api.socket' : remote).then(replyWith)
    }
    if (name === undefined) return problem(400, 'no name was given; ask /api/cache?name=NAME')
    if (type !== undefined && !isTypeText(type))
      return problem(400, `"${clip(type)}" is not a record type; try A or AAAA`)
    return desk.show(name, type?.toUpperCase(), below).then(replyWith)
  }

  return [
    guarded('/api/names', ['as'], (_, as) => replyWith(inspector.names(as))),
    guarded('/api/query', ['name', 'type', 'as', 'kept'], async (request, as) => {
      const { parameters } = request
      const name = parameters.get('name') ?? ''
      if (name === '') return problem(400, 'no name was given; ask /api/query?name=NAME&type=TYPE')
      if (name.length > 1024) return problem(400, nameTooLong)
      const type = (parameters.get('type') || 'A').toUpperCase()
      if (!isTypeText(type)) return problem(400, `"${clip(type)}" is not a record type; try A or AAAA`)
      const kept = flagOf(parameters.get('kept'))
      if (kept === undefined) return problem(400, '"kept" must be true or false')
      return replyWith(await inspector.query(name, type, as, kept && hasHostView(request)))
    }),
    ...(cache === undefined
      ? []
      : [
          guarded('/api/cache', ['name', 'type', 'below'], (request) => answerCache(cache, request), [
            'GET',
            'HEAD',
            'DELETE',
          ]),
        ]),
  ]
}

const nameTooLong = 'the name is too long; a domain name has at most 253 bytes'
const isTypeText = (text: string) => /^[A-Z0-9]{1,16}$/i.test(text)

/** undefined: neither true nor false. */
function flagOf(text: string | null): boolean | undefined {
  if (text === null || text === 'false') return false
  return text === 'true' ? true : undefined
}

/** Callers from other machines ask as their own address, whatever `as` says. */
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

/** RFC 6750, 3. */
function unauthorized({ headers }: Request): Reply {
  const gave = headers.authorization === undefined ? '' : ', error="invalid_token"'
  return {
    ...problem(401, gave === '' ? tokenMissing : tokenWrong),
    headers: { 'www-authenticate': `Bearer realm="berth"${gave}` },
  }
}

const tokenMissing =
  'the host’s view needs the token of api.token: send "Authorization: Bearer TOKEN", or ask through api.socket'
const tokenWrong =
  'this is not the token of api.token; send "Authorization: Bearer TOKEN" with the content of its file'

function replyWith(reply: object | Problem): Reply {
  return 'problem' in reply && 'status' in reply ? json(Number(reply.status), reply) : json(200, reply)
}
