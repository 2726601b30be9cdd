// Parses DOCKER_HOST or an entry of docker.engines into a unix socket or a TCP address.
import { isIPv4, isIPv6 } from 'node:net'
import type { EngineAddress, EngineTls } from '../../config/types.ts'
import { BerthError } from '../../lib/errors.ts'

const plainPort = 2375
const tlsPort = 2376

const elsewhere: Readonly<Record<string, string>> = {
  ssh: 'berth opens no SSH connections; forward the socket yourself (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and name it as unix:///tmp/docker.sock',
  npipe:
    'berth does not run on Windows itself; run it in WSL 2 or in a container and name the socket as unix:///var/run/docker.sock',
  fd: 'that is how the engine is told to listen, not where it is reached; name its socket as unix:///var/run/docker.sock',
}

/**
 * Reads "unix:///path", a bare absolute path, "tcp://host[:port]", "http(s)://host[:port]" or "host:port".
 * The port is 2375, or 2376 with TLS. `tls` holds PEM texts; https:// without it trusts the system's CAs.
 * Throws BerthError CONFIG with a sentence that says what to write instead.
 */
export function parseEngineAddress(text: string, tls?: EngineTls): EngineAddress {
  const source = text.trim()
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase()
  const rest = scheme === undefined ? source : source.slice(scheme.length + 3)
  if (source === '') throw unreadable(text, 'it is empty')
  if (scheme === 'unix' || (scheme === undefined && source.startsWith('/'))) return parseUnix(text, rest, tls)
  const reason = scheme === undefined ? undefined : elsewhere[scheme]
  if (reason !== undefined) {
    throw new BerthError('CONFIG', `cannot follow a Docker engine over ${scheme}:// (${source}): ${reason}`)
  }
  if (scheme !== undefined && !['tcp', 'http', 'https'].includes(scheme)) {
    throw unreadable(text, `${scheme}:// is not known here`)
  }
  const secured = tls ?? (scheme === 'https' ? {} : undefined)
  if (scheme === 'http' && tls !== undefined) {
    throw unreadable(text, 'certificates are given but http:// does not use them; write https:// or tcp://')
  }
  const { host, port } = parseHost(text, rest)
  return {
    kind: 'tcp',
    host,
    port: port ?? (secured === undefined ? plainPort : tlsPort),
    text: source,
    tls: secured,
  }
}

function parseUnix(text: string, path: string, tls: EngineTls | undefined): EngineAddress {
  if (!path.startsWith('/')) throw unreadable(text, 'a socket needs an absolute path, unix:///path')
  if (tls !== undefined) throw unreadable(text, 'certificates are for TCP; a unix socket uses none')
  // sockaddr_un has room for 107 bytes; a longer path fails with EINVAL at connect, which tells nobody why.
  if (Buffer.byteLength(path) > 107) throw unreadable(text, 'a socket path can be 107 bytes long at most')
  return { kind: 'unix', path, text: `unix://${path}` }
}

function parseHost(text: string, rest: string): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]*)\]|([^:/@[\]]*))(?::(\d*))?\/?$/.exec(rest)
  if (match === null) {
    if (isIPv6(rest)) throw unreadable(text, `write IPv6 addresses in brackets, tcp://[${rest}]:${plainPort}`)
    if (rest.includes('@')) throw unreadable(text, 'a user name is not supported')
    if (/^[^/]*\/./.test(rest)) throw unreadable(text, 'a path after the host is not supported')
    throw unreadable(text, 'host and port are not readable')
  }
  const [, bracketed, plain = '', digits = ''] = match
  const host = bracketed ?? plain
  if (bracketed?.includes('%')) {
    throw unreadable(
      text,
      'an address with a zone (%) cannot be used over HTTP; use another of its addresses',
    )
  }
  const named = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i.test(host)
  if (bracketed === undefined ? !named || /^[\d.]+$/.test(host) !== isIPv4(host) : !isIPv6(host)) {
    throw unreadable(text, host === '' ? 'the host is missing' : `"${host}" is no host name or address`)
  }
  const port = digits === '' ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65535)) throw unreadable(text, `there is no port ${digits}`)
  return { host, port }
}

function unreadable(text: string, why: string): BerthError {
  return new BerthError(
    'CONFIG',
    `"${text}" is not a Docker engine's address: ${why}; write unix:///var/run/docker.sock or tcp://HOST:${plainPort}`,
  )
}
