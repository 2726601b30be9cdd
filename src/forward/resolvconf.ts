// resolv.conf's text, read as resolvers read it: what is not understood is kept, never a reason to stop. Pure.
import type { HostPort } from '../config/types.ts'
import { canonicalWithZone } from '../config/values.ts'

export interface ResolvConf {
  /** In the file's order; zones stay ("fe80::1%eth0"). */
  readonly servers: readonly HostPort[]
  readonly search: readonly string[]
  /** "ndots:1", "edns0" … as written, unknown ones too. */
  readonly options: readonly string[]
  /** Lines of directives we do not know ("sortlist 10.0.0.0"), as written. */
  readonly others: readonly string[]
  /** What Docker's resolver itself asks, from the comment it leaves in containers' files. */
  readonly extServers: readonly ExternalServer[]
  readonly problems: readonly string[]
}

/** The file itself, bytes: a real one has a few hundred. */
export const longestResolvConf = 256 * 1024
/** Of each: glibc asks three servers, and each wrong line is told by itself. */
const mostServers = 32
const mostProblems = 10
const mostOthers = 100

export interface ExternalServer extends HostPort {
  /** Reached from the host's network namespace, not from the container's. */
  readonly fromHost: boolean
}

export function readResolvConf(text: string): ResolvConf {
  const servers: HostPort[] = []
  const options: string[] = []
  const others: string[] = []
  const problems: string[] = []
  let search: string[] = []
  let extServers: ExternalServer[] = []

  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line.startsWith('#') || line.startsWith(';')) {
      const list = /^#\s*ExtServers:\s*\[(.*)\]/.exec(line)?.[1]
      if (list !== undefined) extServers = readExternal(list)
      continue
    }
    const [directive = '', ...words] = withoutComment(line).split(/\s+/)
    if (directive === 'nameserver') {
      // glibc reads the first word and ignores what follows it.
      const server = readServer(words[0] ?? '')
      if (server === undefined) problems.push(`line ${i + 1}: ${shown(words[0])} is not an address, skipped`)
      else servers.push(server)
    } else if (directive === 'search' || directive === 'domain') {
      // The last of them counts; "search ." says there is none.
      search = words.filter((word) => word !== '' && word !== '.')
      if (directive === 'domain') search = search.slice(0, 1)
    } else if (directive === 'options') options.push(...words.filter((word) => word !== ''))
    else if (directive !== '') others.push(line)
  }
  if (servers.length > mostServers) problems.push(`more than ${mostServers} servers, the rest is passed over`)
  return {
    servers: servers.slice(0, mostServers),
    search: search.slice(0, mostOthers),
    options: options.slice(0, mostOthers),
    others: others.slice(0, mostOthers),
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
