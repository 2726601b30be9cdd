// Whom /api and /metrics are for: asked by a name that is ours, not by web pages of others, and not through proxies that
// lend their own address.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Request } from './server.ts'

export interface Guard {
  /** Why a request is refused; undefined: it is not. Names are inside knowledge, and who asks counts. */
  refuseApi(request: Request): string | undefined
  /** Why it may not change anything, besides: no page's request does. */
  refuseChange(request: Request): string | undefined
  /** The same for what scrapers read: they come by names of one label too, and through proxies. */
  refuseMetrics(request: Request): string | undefined
}

/** `hosts`: names that the configuration adds, in lower case; `hostNames`: the machine's own. */
export function createGuard(
  hosts: () => readonly string[],
  hostNames: readonly string[] = [hostname()],
): Guard {
  const own = new Set(['localhost', ...hostNames.map((name) => name.toLowerCase())])

  /**
   * A page in a browser on this machine can point a name of its own at 127.0.0.1 and then read what we say (DNS
   * rebinding); its requests carry that name as Host.
   */
  function refuseHost(
    { viaSocket, headers }: Request,
    isOurs: (name: string) => boolean,
  ): string | undefined {
    if (viaSocket) return undefined
    const host = readHost(headers.host)
    if (host?.kind === 'address' || (host !== undefined && isOurs(host.name))) return undefined
    const said =
      headers.host === undefined ? 'there is no Host header' : `the Host header says "${clip(headers.host)}"`
    return `${said}; ask by IP address or as localhost, so that no web page can, or add the name to api.hosts`
  }

  const isKnown = (name: string) => own.has(name) || hosts().includes(name)
  return {
    refuseApi: (request) =>
      refuseHost(request, isKnown) ?? refuseSite(request) ?? refuseReferer(request) ?? refuseProxy(request),
    // There is no page of ours that would, and what stands at our address in a browser may be another's.
    refuseChange: ({ headers }) =>
      headers.origin === undefined &&
      headers.referer === undefined &&
      (headers['sec-fetch-site'] ?? 'none') === 'none'
        ? undefined
        : 'web pages may not change anything',
    // Nobody has a public name of one label. What a link leads to is not read by the page that has the link.
    refuseMetrics: (request) =>
      refuseHost(request, (name) => isKnown(name) || !name.includes('.')) ??
      (isNavigation(request) ? undefined : refuseSite(request)),
  }
}

export type HostName = { readonly kind: 'address' } | { readonly kind: 'name'; readonly name: string }

/** What a Host header names, with or without a port; names in lower case. undefined: neither address nor name. */
export function readHost(text: string | undefined): HostName | undefined {
  const match = /^(?:\[([\da-f:.]+)(?:%[\w.~%-]{1,32})?\]|([\w.-]{1,253}))(?::\d{0,5})?$/i.exec(text ?? '')
  if (match === null) return undefined
  const [, v6, name] = match
  if (v6 !== undefined) return isIP(v6) === 6 ? { kind: 'address' } : undefined
  if (isIP(name!) === 4) return { kind: 'address' }
  // "localhost." is not how anybody is told to ask.
  return name!.split('.').includes('') ? undefined : { kind: 'name', name: name!.toLowerCase() }
}

const otherSites = 'other web sites may not ask'

/**
 * What other sites' pages send without tricks they can't read, but it would still make us ask upstreams. "same-site" is
 * another program's page on localhost.
 */
function refuseSite({ headers }: Request): string | undefined {
  const site = headers['sec-fetch-site'] ?? 'none'
  if (site !== 'none' && site !== 'same-origin') return otherSites
  const { origin } = headers
  return origin === undefined || isOwnPage(origin, headers.host) ? undefined : otherSites
}

/** Of browsers that tell neither site nor origin. */
function refuseReferer({ headers: { referer, host } }: Request): string | undefined {
  return referer === undefined || isOwnPage(referer, host) ? undefined : otherSites
}

/** Whether a page's address is of the host that it asks. */
function isOwnPage(page: string, host: string | undefined): boolean {
  const own = parseUrl(page)
  const asked = host === undefined ? undefined : parseUrl(`http://${host}`)
  return own?.protocol === 'http:' && own.host === asked?.host
}

/** URL.parse is of Node 22. */
function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function isNavigation({ headers }: Request): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
}

/** A proxy on this machine would lend its loopback address, and with it the host's view, to whoever reaches it. */
function refuseProxy({ headers }: Request): string | undefined {
  const name = Object.keys(headers).find((header) => forwarding.test(header))
  return name && `it came through a proxy (${clip(name)}), so that who asks can't be told; ask directly`
}

/** Their names for it are many, and CGI writes them with underscores: so it is by what they are made of. */
const forwarding = new RegExp(
  [
    '(^|[_-])forward(ed)?([_-]|$)',
    '(^|[_-])via$',
    '(client|connecting|originating|real|remote|socket|source|user)[_-]?(ip(v6)?|addr|address)$',
    '^(x[_-])?proxy([_-]|user)',
    '^x[_-](arr|envoy|nginx|original|rewrite|varnish)([_-]|$)',
    '^(cdn-loop|cf-ray|x-amzn-trace-id|cloudfront-viewer-address|x-akamai-edgescape)$',
  ].join('|'),
)

/** "Authorization: Bearer TOKEN" of this token; the comparison takes as long however much of it is right. */
export function holdsToken({ headers }: Request, digest: string): boolean {
  const [, token] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) return false
  const given = createHash('sha256').update(token, 'latin1').digest()
  return timingSafeEqual(given, Buffer.from(digest, 'hex'))
}

/** Short enough to be told back. */
export function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
