// Which requests /api and /metrics accept: those that use one of our names, and come neither from a foreign web page nor
// through a proxy, which would hide the caller's address.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Request } from './server.ts'

export interface Guard {
  /** Why a request is refused; undefined: it is not. Names are internal, and the caller decides what it may see. */
  refuseApi(request: Request): string | undefined
  /** Why it may not change anything; undefined: it may. Web pages never may. */
  refuseChange(request: Request): string | undefined
  /** The same for /metrics: scrapers may also use names of one label, and come through proxies. */
  refuseMetrics(request: Request): string | undefined
}

/** `hosts`: names that the configuration adds, in lower case; `hostNames`: the machine's own. */
export function createGuard(
  hosts: () => readonly string[],
  hostNames: readonly string[] = [hostname()],
): Guard {
  const own = new Set(['localhost', ...hostNames.map((name) => name.toLowerCase())])

  /**
   * A web page in a browser on this machine can point its own name at 127.0.0.1 and then read our replies (DNS rebinding);
   * its requests carry that name as Host.
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
    // berth has no page that would, and a page at our address in a browser may be another program's.
    refuseChange: ({ headers }) =>
      headers.origin === undefined &&
      headers.referer === undefined &&
      (headers['sec-fetch-site'] ?? 'none') === 'none'
        ? undefined
        : 'web pages may not change anything',
    // No public name has one label. A page cannot read where its links lead.
    refuseMetrics: (request) =>
      refuseHost(request, (name) => isKnown(name) || !name.includes('.')) ??
      (isNavigation(request) ? undefined : refuseSite(request)),
  }
}

export type HostName = { readonly kind: 'address' } | { readonly kind: 'name'; readonly name: string }

/** Parses a Host header, with or without a port; names in lower case. undefined: neither address nor name. */
export function readHost(text: string | undefined): HostName | undefined {
  const match = /^(?:\[([\da-f:.]+)(?:%[\w.~%-]{1,32})?\]|([\w.-]{1,253}))(?::\d{0,5})?$/i.exec(text ?? '')
  if (match === null) return undefined
  const [, v6, name] = match
  if (v6 !== undefined) return isIP(v6) === 6 ? { kind: 'address' } : undefined
  if (isIP(name!) === 4) return { kind: 'address' }
  // "localhost." is refused: no client needs it.
  return name!.split('.').includes('') ? undefined : { kind: 'name', name: name!.toLowerCase() }
}

const otherSites = 'requests from other web sites are refused'

/**
 * Foreign pages cannot read our replies without a trick, but their requests would still make us ask upstreams. "same-site"
 * is another program's page on localhost.
 */
function refuseSite({ headers }: Request): string | undefined {
  const site = headers['sec-fetch-site'] ?? 'none'
  if (site !== 'none' && site !== 'same-origin') return otherSites
  const { origin } = headers
  return origin === undefined || isOwnPage(origin, headers.host) ? undefined : otherSites
}

/** For browsers that send neither site nor origin. */
function refuseReferer({ headers: { referer, host } }: Request): string | undefined {
  return referer === undefined || isOwnPage(referer, host) ? undefined : otherSites
}

/** Whether a page was loaded from the host that it asks. */
function isOwnPage(page: string, host: string | undefined): boolean {
  const own = parseUrl(page)
  const asked = host === undefined ? undefined : parseUrl(`http://${host}`)
  return own?.protocol === 'http:' && own.host === asked?.host
}

/** URL.parse needs Node 22. */
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

/** A proxy on this machine would pass its loopback address, and with it the host's view, to all its clients. */
function refuseProxy({ headers }: Request): string | undefined {
  const name = Object.keys(headers).find((header) => forwarding.test(header))
  return name && `it came through a proxy (${clip(name)}), which hides the caller; ask directly`
}

/** Proxies use many header names, and CGI writes them with underscores, so these patterns match their parts. */
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

/** Whether the request has "Authorization: Bearer TOKEN" with this token; compares in constant time. */
export function holdsToken({ headers }: Request, digest: string): boolean {
  const [, token] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) return false
  const given = createHash('sha256').update(token, 'latin1').digest()
  return timingSafeEqual(given, Buffer.from(digest, 'hex'))
}

/** Short enough to repeat in a reply. */
export function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
