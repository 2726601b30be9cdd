// Addresses ↔ sockets: each configured address has a UDP and a TCP socket; "*" is every local address, followed as
// addresses come and go. What is not usable yet is tried again; the rest is left alone.
import type { HostPort } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { BerthError, explain, systemCode } from '../lib/errors.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { canonicalAddress } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import type { Handle } from '../resolve/query.ts'
import type { Limits } from './limits/limits.ts'
import type { Bindable, Listener, ListenOptions } from './listener.ts'
import { listenTcp } from './tcp.ts'
import { listenUdp } from './udp.ts'

export interface Listeners {
  /** Binds what can be bound; rejects with BerthError LISTEN where nothing can. */
  start(): Promise<void>
  /** Looks at the local addresses now; call it when they may have changed. */
  refresh(): void
  /** Canonical address and port of every bound pair. */
  bound(): readonly Bindable[]
  /** Whether a question to this canonical address and port comes to us. */
  isOurs(host: string, port: number): boolean
  stop(abort: AbortSignal): Promise<void>
}

export interface ListenersOptions {
  readonly listen: readonly HostPort[]
  readonly addresses: () => LocalAddresses
  readonly handle: Handle
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Logger
  readonly listenUdp?: (options: ListenOptions) => Promise<Listener>
  readonly listenTcp?: (options: ListenOptions) => Promise<Listener>
}

/** Between looks at the local addresses, ms. */
const lookEvery = 2000
/** The same while some address can't be bound: a new IPv6 address is not usable before its duplicate check (RFC 4862). */
const retryEvery = 500

export function createListeners(options: ListenersOptions): Listeners {
  const { clock, log, handle, limits } = options
  const pairs = new Map<string, { at: Bindable; sockets: Listener[] }>()
  const complained = new Map<string, string>()
  const stopped = new AbortController()
  let work: Promise<void> = Promise.resolve()

  /** What should be bound now, by its key. */
  function wanted(): Map<string, Bindable> {
    const map = new Map<string, Bindable>()
    const want = (host: string, port: number) => map.set(`${host} ${port}`, { host, port })
    for (const { host, port } of options.listen) {
      if (host !== '*') want(host, port)
      else for (const local of options.addresses().all) want(local.bindable, port)
    }
    return map
  }

  async function adjust(): Promise<void> {
    const now = wanted()
    for (const [key, pair] of pairs) {
      if (now.has(key)) continue
      pairs.delete(key)
      log.info({ address: pair.at.host, port: pair.at.port }, 'address gone, no longer listening')
      await Promise.all(pair.sockets.map((socket) => socket.close(AbortSignal.abort())))
    }
    for (const [key, at] of now) if (!pairs.has(key) && !stopped.signal.aborted) await bind(key, at)
    for (const key of complained.keys()) if (!now.has(key)) complained.delete(key)
  }

  async function bind(key: string, at: Bindable): Promise<void> {
    const sockets: Listener[] = []
    try {
      sockets.push(await (options.listenUdp ?? listenUdp)({ at, handle, limits, clock, log }))
      // With port 0 (tests) TCP takes the port that UDP was given.
      sockets.push(
        await (options.listenTcp ?? listenTcp)({
          ...{ handle, limits, clock, log },
          at: { ...at, port: sockets[0]!.port },
        }),
      )
      pairs.set(key, { at: { host: at.host, port: sockets[0]!.port }, sockets })
      if (complained.delete(key))
        log.info({ address: at.host, port: at.port }, 'address is usable now, listening')
    } catch (error) {
      await Promise.all(sockets.map((socket) => socket.close(AbortSignal.abort())))
      const why = bindProblem(at, error)
      if (complained.get(key) !== why)
        log.warn({ address: at.host, port: at.port, why }, 'can not listen, will try again')
      complained.set(key, why)
    }
  }

  /** One look at a time, in the order they were asked for. */
  function look(): Promise<void> {
    work = work.then(async () => {
      if (!stopped.signal.aborted) await adjust()
    })
    return work
  }

  return {
    async start() {
      await look()
      if (pairs.size === 0) {
        const reasons = [...complained.values()].join('; ')
        throw new BerthError('LISTEN', `no address could be bound: ${reasons || 'none is configured'}`)
      }
      void (async () => {
        while (!stopped.signal.aborted) {
          await sleep(clock, complained.size > 0 ? retryEvery : lookEvery, stopped.signal)
          await look()
        }
      })()
    },
    refresh: () => void look(),
    bound: () => [...pairs.values()].map(({ at }) => at),
    // Asked for every forwarded question: what is bound is known, and the system is not asked.
    isOurs(host, port) {
      const any = host === '0.0.0.0' || host === '::'
      for (const { at } of pairs.values()) {
        if (at.port === port && (any || canonicalAddress(at.host) === host)) return true
      }
      return false
    },
    async stop(abort) {
      stopped.abort()
      await work
      await Promise.all(
        [...pairs.values()].flatMap(({ sockets }) => sockets.map((socket) => socket.close(abort))),
      )
      pairs.clear()
    },
  }
}

function bindProblem(at: Bindable, error: unknown): string {
  const where = `${at.host} port ${at.port}`
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `${where} is taken by another program (ss -lunpt 'sport = :${at.port}' names it); choose another in listen:`
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address, or not yet`
    case 'EACCES':
      return `${where}: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose a port like 1053`
    default:
      return `${where}: ${explain(error)}`
  }
}
