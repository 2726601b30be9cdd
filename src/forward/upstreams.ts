// The default route's upstreams: those configured, or resolv.conf's, followed as it changes. Never ourselves, and where
// the file names a local resolver that would ask us back or answer for our networks, what that one itself asks.
import { formatHostPort } from '../config/text-values.ts'
import type { HostPort, Upstream } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { explain, systemCode } from '../lib/errors.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import { isLocalTo } from '../lib/ranges.ts'
import type { LoopState } from './loop/prober.ts'
import { readResolvConf } from './resolvconf.ts'

export interface Upstreams {
  /** In configured order, without those that are ourselves. The same list as long as the same are on it. */
  current(): readonly Upstream[]
  /** All that may become current, for probing. */
  candidates(): readonly Upstream[]
  /** Where they come from, for people: "/etc/resolv.conf" or "the configuration". */
  readonly origin: string
  start(): void
  stop(): void
}

export interface UpstreamsOptions {
  readonly configured: 'auto' | readonly Upstream[]
  readonly files: ResolverFiles
  /** Reads a file; rejects as fs.readFile does. */
  readonly read: (file: string) => Promise<string>
  /** Whether a question to this address and port would come to us. */
  readonly isOurs: (host: string, port: number) => boolean
  readonly loopStateOf: (upstream: Upstream) => LoopState
  /** The candidates are others now. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly log: Logger
}

export interface ResolverFiles {
  readonly resolvConf: string
  /** Where systemd-resolved lists the servers that it asks. */
  readonly uplinks: string
}

export const systemFiles: ResolverFiles = {
  resolvConf: '/etc/resolv.conf',
  uplinks: '/run/systemd/resolve/resolv.conf',
}

/** A server of resolv.conf, and those that it itself asks, where it is a local resolver. */
interface Listed {
  readonly kind: 'plain' | 'stub' | 'docker'
  readonly upstream: Upstream
  readonly behind: readonly Upstream[]
  /** Some of those behind it can't be reached from here, or are not known. */
  readonly partly: boolean
}

/** How often the files are read again, ms: they are replaced by rename as well as written, and may be bind mounts. */
const rereadEvery = 2000

/** Reads the files once before it resolves, so that the first question has somewhere to go. */
export async function followUpstreams(options: UpstreamsOptions): Promise<Upstreams> {
  const { configured, files, log, clock, loopStateOf } = options
  const isOurs = ({ host, port }: HostPort) => options.isOurs(canonicalAddress(host) ?? host, port)
  let listed: readonly Listed[] = []
  /** Those listed, and where they are, while none of them is a local resolver. */
  let standard: { readonly upstreams: readonly Upstream[]; readonly places: readonly HostPort[] } | undefined
  let latest: readonly Upstream[] = []
  let uplinks: readonly Upstream[] = []
  let seen: string | undefined
  let missing: string | undefined
  let told: string | undefined
  const stopped = new AbortController()

  async function reread(): Promise<void> {
    let text: string
    try {
      text = await options.read(files.resolvConf)
    } catch (error) {
      // Gone for a moment, while it is replaced, or for good: what was known may still answer.
      if (missing !== explain(error)) {
        const kept = listed.map(({ upstream }) => upstream.text)
        log.warn({ file: files.resolvConf, why: explain(error), kept }, 'can not read upstreams')
      }
      missing = explain(error)
      return
    }
    missing = undefined
    const uplinksText = await readUplinks()
    if (`${text}\0${uplinksText}` === seen) return
    seen = `${text}\0${uplinksText}`
    const { servers, extServers, problems } = readResolvConf(text)
    uplinks = readResolvConf(uplinksText).servers.map(upstreamOf)
    const read = distinct(servers.map(upstreamOf)).map((upstream): Listed => {
      if (stubs.includes(upstream.host)) return { kind: 'stub', upstream, behind: uplinks, partly: false }
      if (upstream.host !== dockers) return plain(upstream)
      const reachable = extServers.filter(({ host, fromHost }) => !(fromHost && isLocalTo(host)))
      const partly = reachable.length < extServers.length || extServers.length === 0
      return { kind: 'docker', upstream, behind: reachable.map(upstreamOf), partly }
    })
    list(read)
    for (const problem of problems)
      log.warn({ file: files.resolvConf, problem }, 'resolv.conf: line passed over')
    log.info({ file: files.resolvConf, upstreams: current().map(({ text }) => text) }, 'upstreams read')
  }

  function list(next: readonly Listed[]): void {
    listed = next
    const upstreams = distinct(next.map(({ upstream }) => upstream))
    const places = upstreams.map(({ host, port }) => ({ host: canonicalAddress(host) ?? host, port }))
    standard = next.every(({ kind }) => kind === 'plain') ? { upstreams, places } : undefined
  }

  function candidates(): readonly Upstream[] {
    const local = listed.filter(({ kind }) => kind === 'stub').map(({ upstream }) => upstream)
    return distinct([...local, ...current()]).filter((upstream) => !isOurs(upstream))
  }

  /** They change with the files, with our own addresses, and where a stub is found to ask us back. */
  function tellChange(): void {
    const now = candidates()
      .map(({ text }) => text)
      .join()
    if (now === told) return
    told = now
    options.onChange()
  }

  async function readUplinks(): Promise<string> {
    try {
      return await options.read(files.uplinks)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') log.debug({ file: files.uplinks, why: explain(error) }, 'not read')
      return ''
    }
  }

  function current(): readonly Upstream[] {
    const now =
      standard === undefined || standard.places.some(({ host, port }) => options.isOurs(host, port))
        ? workOut()
        : standard.upstreams
    const isSame = now.length === latest.length && now.every((upstream, i) => upstream === latest[i])
    if (!isSame) latest = now
    return latest
  }

  function workOut(): readonly Upstream[] {
    const others = distinct(listed.flatMap(instead)).filter((upstream) => !isOurs(upstream))
    if (others.length > 0 || configured !== 'auto') return others
    // The machine's resolver is berth: what systemd-resolved knows besides is what others knew before.
    return listed.some(({ upstream }) => isOurs(upstream))
      ? uplinks.filter((upstream) => !isOurs(upstream))
      : []
  }

  /** What is asked in this server's place. */
  function instead({ kind, upstream, behind, partly }: Listed): readonly Upstream[] {
    if (kind === 'plain') return [upstream]
    if (kind === 'docker') {
      // It answers for the networks that we are on: only where nobody else can be asked.
      const others = behind.filter((each) => !isOurs(each))
      return others.length === 0 && partly ? [upstream] : others
    }
    // Listed among its uplinks we may be for some domains alone: whether it asks us back a probe shows.
    const state = loopStateOf(upstream)
    const asksUs = state === 'looping' || (state === 'unknown' && behind.some(isOurs))
    return asksUs || isOurs(upstream) ? behind : [upstream]
  }

  if (configured === 'auto') await reread()
  else list(configured.map(plain))
  return {
    current,
    candidates,
    origin: configured === 'auto' ? files.resolvConf : 'the configuration',
    start() {
      tellChange()
      if (configured !== 'auto') return
      void (async () => {
        while (!stopped.signal.aborted) {
          await sleep(clock, rereadEvery, stopped.signal)
          if (stopped.signal.aborted) return
          await reread()
          tellChange()
        }
      })()
    },
    stop: () => stopped.abort(),
  }
}

/** systemd-resolved's; the second does not touch what it relays. */
const stubs: readonly string[] = ['127.0.0.53', '127.0.0.54']

/** Docker's resolver, in a container. */
const dockers = '127.0.0.11'

function plain(upstream: Upstream): Listed {
  return { kind: 'plain', upstream, behind: [], partly: false }
}

function upstreamOf({ host, port }: HostPort): Upstream {
  return { host, port, text: formatHostPort(host, port) }
}

function distinct(list: readonly Upstream[]): Upstream[] {
  return [...new Map(list.map((upstream) => [upstream.text, upstream])).values()]
}
