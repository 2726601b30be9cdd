// The default route's upstreams: those configured, or resolv.conf's, read again when the file changes. Never ourselves.

import { readResolvConf } from '../config/resolvconf.ts'
import type { Upstream } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { explain } from '../lib/errors.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'

export interface Upstreams {
  /** In configured order, without those that are ourselves. */
  current(): readonly Upstream[]
  /** Where they come from, for people: "/etc/resolv.conf" or "the configuration". */
  readonly origin: string
  start(): void
  stop(): void
}

export interface UpstreamsOptions {
  readonly configured: 'auto' | readonly Upstream[]
  readonly file: string
  /** Reads the file; rejects as fs.readFile does. */
  readonly read: (file: string) => Promise<string>
  /** Whether a question to this address and port would come back to us. */
  readonly isOurs: (host: string, port: number) => boolean
  readonly clock: Clock
  readonly log: Logger
}

/** How often the file is read again, ms: it is replaced by rename as well as written, and may be a bind mount. */
const rereadEvery = 2000

/** Reads resolv.conf once before it resolves, so that the first question has somewhere to go. */
export async function followUpstreams(options: UpstreamsOptions): Promise<Upstreams> {
  const { configured, file, log, clock } = options
  let listed: readonly Upstream[] = configured === 'auto' ? [] : configured
  let seen: string | undefined
  const stopped = new AbortController()

  async function reread(): Promise<void> {
    let text: string
    try {
      text = await options.read(file)
    } catch (error) {
      if (seen !== undefined || listed.length === 0)
        log.warn({ file, why: explain(error) }, 'can not read upstreams')
      seen = undefined
      return
    }
    if (text === seen) return
    seen = text
    const { servers, problems } = readResolvConf(text)
    listed = servers.map(({ host, port }) => ({ host, port, text: hostPortText(host, port) }))
    for (const problem of problems) log.warn({ file, problem }, 'resolv.conf: line passed over')
    log.info({ file, upstreams: listed.map(({ text }) => text) }, 'upstreams read')
  }

  if (configured === 'auto') await reread()
  return {
    current: () => listed.filter(({ host, port }) => !options.isOurs(canonicalAddress(host) ?? host, port)),
    origin: configured === 'auto' ? file : 'the configuration',
    start() {
      if (configured !== 'auto') return
      void (async () => {
        while (!stopped.signal.aborted) {
          await sleep(clock, rereadEvery, stopped.signal)
          if (!stopped.signal.aborted) await reread()
        }
      })()
    },
    stop: () => stopped.abort(),
  }
}

function hostPortText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
