// resolv.conf's name servers, read as resolvers read them: lines that are not understood are skipped. Pure.
import { canonicalWithZone, type HostPort } from '../config/text-values.ts'

export interface ResolvConf {
  /** In the file's order; zones stay ("fe80::1%eth0"). */
  readonly servers: readonly HostPort[]
  /** What Docker's resolver itself asks, from the comment it leaves in containers' files. */
  readonly extServers: readonly ExternalServer[]
  readonly problems: readonly string[]
}

/** The file itself, bytes: a real one has a few hundred. */
export const longestResolvConf = 256 * 1024
/** Of each: glibc asks three servers, and each wrong line is reported by itself. */
const mostServers = 32
const mostProblems = 10

export interface ExternalServer extends HostPort {
  /** Reached from the host's network namespace, not from the container's. */
  readonly fromHost: boolean
}

export function readResolvConf(text: string): ResolvConf {
  const servers: HostPort[] = []
  const problems: string[] = []
  let extServers: ExternalServer[] = []

  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line.startsWith('#') || line.startsWith(';')) {
      const list = /^#\s*ExtServers:\s*\[(.*)\]/.exec(line)?.[1]
      if (list !== undefined) extServers = readExternal(list)
      continue
    }
    const [directive = '', ...words] = withoutComment(line).split(/\s+/)
    if (directive !== 'nameserver') continue
    // glibc reads the first word and ignores what follows it.
    const server = readServer(words[0] ?? '')
    if (server === undefined) problems.push(`line ${i + 1}: ${shown(words[0])} is not an address; skipped`)
    else servers.push(server)
  }
  if (servers.length > mostServers) problems.push(`more than ${mostServers} servers; the rest is ignored`)
  return {
    servers: servers.slice(0, mostServers),
    extServers: extServers.slice(0, mostServers),
    problems: problems.slice(0, mostProblems),
  }
}

function withoutComment(line: string): string {
  return line.replace(/\s[#;].*$/, '')
}

function readServer(word: string): HostPort | undefined {
  const host = canonicalWithZone(word.replace(/^\[(.*)\]$/, '$1'))
  return host === undefined ? undefined : { host, port: 53 }
}

/** "host(127.0.0.53) 192.0.2.1" */
function readExternal(list: string): ExternalServer[] {
  return list.split(/[\s,]+/).flatMap((word) => {
    const inner = /^host\((.*)\)$/.exec(word)?.[1]
    const server = readServer(inner ?? word)
    return server === undefined ? [] : [{ ...server, fromHost: inner !== undefined }]
  })
}

function shown(word: string | undefined): string {
  if (word === undefined || word === '') return 'nothing'
  return `"${word.length > 64 ? `${word.slice(0, 64)}…` : word}"`
}
