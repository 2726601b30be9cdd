// Addresses ↔ sockets: each configured address has a UDP and a TCP socket; "*" is every local address, followed as
// addresses come and go. What is not usable yet is tried again; the rest is left alone.
import { setMaxListeners } from 'node:events'
import type { HostPort } from '../config/types.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { BerthError, explain, systemCode } from '../lib/errors.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { canonicalAddress, zoneOf } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import type { Handle } from '../resolve/query.ts'
import type { Addresses } from './addresses.ts'
import type { Limits } from './limits/limits.ts'
import type { Bindable, Listener, ListenOptions, Sharing } from './listener.ts'
import { probe } from './probe.ts'
import { listenTcp } from './tcp.ts'
import { listenUdp } from './udp.ts'

export interface Listeners {
  /** Binds what can be bound; rejects with BerthError LISTEN where nothing can. */
  start(): Promise<void>
  /** Looks at the local addresses now; call it when something may have changed. */
  look(): void
  /** The same where they are about to change: more often for a while. */
  refresh(): void
  /**
   * These addresses from now on; resolves once what can be bound is. Those that stay are not touched, those that are
   * gone answer what is in hand. While none of the new ones can be bound, the former ones go on.
   */
  update(listen: readonly HostPort[]): Promise<void>
  /** Canonical address and port of every bound pair. */
  bound(): readonly Bindable[]
  /** Whether a question to this canonical address and port comes to us. */
  isOurs(host: string, port: number): boolean
  stop(abort: AbortSignal): Promise<void>
}

export interface ListenersOptions {
  readonly listen: readonly HostPort[]
  readonly addresses: Addresses
  /** Whether somebody tells us when to look. Default: nobody does. */
  readonly isTold?: () => boolean
  readonly handle: Handle
  readonly fast?: ListenOptions['fast']
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Logger
  /** Where other processes listen at the same addresses. */
  readonly sharing?: Sharing | undefined
  /** Whether these processes go by us: an address has to be free of others before it is shared. Default: true. */
  readonly isFirst?: boolean
  /** Other addresses are bound now than before. */
  readonly onBound?: (bound: readonly Bindable[]) => void
  readonly listenUdp?: (options: ListenOptions) => Promise<Listener>
  readonly listenTcp?: (options: ListenOptions) => Promise<Listener>
}

/** Between looks at the local addresses, ms: as a rule, and while they change or can't all be had. */
const lookEvery = 1000
const lookSoon = 250
/** The same where we are told when to look, ms: should that fail. */
const lookUntold = 30_000
/** So long after a change the next one is awaited (an IPv6 address is being checked, networks come together), ms. */
const stirFor = 5000
/** Where looks take long (a table of very many routes), the part of our time they may have, and the longest pause, ms. */
const lookShare = 0.05
const lookRarely = 2000

/** What is in hand where we no longer listen gets SERVFAIL after this, ms. */
const drainFor = 1500
/** An address that we left so lately may still be held by those who share it, ms. */
const heldFor = 10_000

/** An address's two sockets. */
interface Pair {
  readonly at: Bindable
  readonly canonical: string | undefined
  readonly sockets: readonly Listener[]
}

export function createListeners(options: ListenersOptions): Listeners {
  const { clock, log, handle, fast, limits, sharing, isFirst = true } = options
  let { listen } = options
  const pairs = new Map<string, Pair>()
  /** Why an address can't be had, and all that was said of it. */
  const complained = new Map<string, { why: string; said: Set<string> }>()
  /** When shared addresses were left, ms. */
  const left = new Map<string, number>()
  const stopped = new AbortController()
  const closing = new Set<Promise<void>>()
  let work = Promise.resolve()
  /** From the latest look to the next one, ms; that comes by itself once we have started. */
  let pause = lookEvery
  let timer: Timer | undefined
  let isStarted = false
  /** The last look, ms. */
  let tookBefore = 0
  /** When something was found to change, or said to, ms. */
  let stirredAt = Number.NEGATIVE_INFINITY
  /** For these all is bound that is to be, and nothing else: to find the same again is the rule, and then nothing is done. */
  let settled: { readonly local: LocalAddresses; readonly listen: readonly HostPort[] } | undefined

  /**
   * What should be bound now, by its key. A new IPv6 address waits for its check; a bound one stays through another. Where
   * nobody can ask, only what is named is bound: of the many, each container has one.
   */
  function wanted({ all }: LocalAddresses): Map<string, Bindable> {
    const map = new Map<string, Bindable>()
    const keyOf = (host: string, zone: number, port: number) => `${host} ${zone} ${port}`
    for (const { host, port } of listen) {
      if (host !== '*') {
        const zone = all.find(({ bindable }) => bindable === host)?.zone ?? 0
        map.set(keyOf(host, zone, port), { host, port })
        continue
      }
      for (const { bindable, zone, unbindable, unaskable } of all) {
        if (unaskable) continue
        const key = keyOf(bindable, zone, port)
        if (!unbindable || pairs.has(key)) map.set(key, { host: bindable, port })
      }
    }
    return map
  }

  const bound = () => [...pairs.values()].map(({ at }) => at)

  async function adjust(now: ReadonlyMap<string, Bindable>): Promise<void> {
    const before = [...pairs.keys()].join()
    const gone = [...pairs.keys()].filter((key) => !now.has(key))
    for (const key of gone) {
      const { host, port } = pairs.get(key)!.at
      // The same address on another interface of that name: the old socket can't hear it, and is in the way.
      const isInTheWay = [...now.values()].some((at) => at.host === host && at.port === port)
      if (isInTheWay) await close(key, AbortSignal.abort())
    }
    for (const [key, at] of now) if (!pairs.has(key) && !stopped.signal.aborted) await bind(key, at)
    for (const key of complained.keys()) if (!now.has(key)) complained.delete(key)
    // Where none of the others can be had, to go on is better than to be nowhere.
    const isNowhere = now.size > 0 && ![...now.keys()].some((key) => pairs.has(key))
    if (!isNowhere) for (const key of gone) void close(key)
    for (const [key, at] of left) if (clock.monotonic() - at > heldFor) left.delete(key)
    if ([...pairs.keys()].join() !== before) options.onBound?.(bound())
  }

  /** Takes no more questions there; those in hand have their time, unless it is `atOnce`. */
  function close(key: string, atOnce?: AbortSignal): Promise<void> {
    const pair = pairs.get(key)
    if (pair === undefined) return Promise.resolve()
    pairs.delete(key)
    if (sharing !== undefined) left.set(key, clock.monotonic())
    const { host: address, port } = pair.at
    const isNamed = listen.some((each) => each.port === port && (each.host === '*' || each.host === address))
    const isThere = options.addresses
      .current()
      .all.some((each) => each.bindable === address && each.unaskable)
    const gone = isThere
      ? 'the interface is a port of a bridge now, where nobody can ask: no longer listening'
      : 'address gone, no longer listening'
    log.info({ address, port }, isNamed ? gone : 'no longer listening')
    const timeUp = new AbortController()
    const timer = clock.setTimeout(() => timeUp.abort(), drainFor)
    setMaxListeners(0, timeUp.signal)
    const closed = Promise.all(pair.sockets.map((socket) => socket.close(atOnce ?? timeUp.signal))).then(
      () => {
        clock.clearTimeout(timer)
        closing.delete(closed)
        // Somebody may want its place.
        if (complained.size > 0) void look()
      },
    )
    closing.add(closed)
    return closed
  }

  async function bind(key: string, at: Bindable): Promise<void> {
    const sockets: Listener[] = []
    try {
      if (sharing !== undefined && isFirst && !left.has(key)) await probe(at)
      const shared = { handle, fast, limits, clock, log, sharing }
      sockets.push(await (options.listenUdp ?? listenUdp)({ at, ...shared }))
      // With port 0 (tests) TCP takes the port that UDP was given.
      sockets.push(
        await (options.listenTcp ?? listenTcp)({ at: { ...at, port: sockets[0]!.port }, ...shared }),
      )
      const canonical = canonicalAddress(at.host)
      pairs.set(key, { at: { host: at.host, port: sockets[0]!.port }, canonical, sockets })
      if (complained.delete(key))
        log.info({ address: at.host, port: at.port }, 'address is usable now, listening')
    } catch (error) {
      await Promise.all(sockets.map((socket) => socket.close(AbortSignal.abort())))
      const why = bindProblem(at, error)
      const said = complained.get(key)?.said ?? new Set()
      if (!said.has(why)) log.warn({ address: at.host, port: at.port, why }, 'can not listen, will try again')
      complained.set(key, { why, said: said.add(why) })
    }
  }

  /** One look at a time, in the order they were asked for. */
  function look(): Promise<void> {
    work = work.then(async () => {
      if (stopped.signal.aborted) return
      const began = clock.monotonic()
      const local = options.addresses.look()
      const asked = { local, listen }
      const now = settled?.local === local && settled.listen === listen ? undefined : wanted(local)
      const took = clock.monotonic() - began
      // One slow look is the machine's doing, two in a row are the table's.
      const cost = Math.min(took, tookBefore)
      tookBefore = took
      if (now !== undefined) {
        stirredAt = began
        await adjust(now)
        const isSettled = complained.size === 0 && left.size === 0 && pairs.size === now.size
        settled = isSettled ? asked : undefined
      }
      const isStirred = settled === undefined || began - stirredAt < stirFor
      pause = pauseAfter(cost, isStirred)
      if (isStarted) lookLater()
    })
    return work
  }

  function pauseAfter(cost: number, isStirred: boolean): number {
    if (!isStirred && options.isTold?.() && options.addresses.isAtRest()) return lookUntold
    return Math.min(lookRarely, Math.max(isStirred ? lookSoon : lookEvery, cost / lookShare))
  }

  function lookLater(): void {
    clock.clearTimeout(timer)
    timer = clock.setTimeout(() => void look(), pause)
  }

  return {
    async start() {
      await look()
      if (pairs.size === 0) {
        const reasons = [...complained.values()].map(({ why }) => why).join('; ')
        throw new BerthError('LISTEN', `no address could be bound: ${reasons || 'none is configured'}`)
      }
      isStarted = true
      lookLater()
    },
    look: () => void look(),
    refresh() {
      stirredAt = clock.monotonic()
      void look()
    },
    async update(next) {
      listen = next
      await look()
    },
    bound,
    // Asked for every forwarded question: what is bound is known, and the system is not asked.
    isOurs(host, port) {
      const any = host === '0.0.0.0' || host === '::'
      for (const { at, canonical } of pairs.values()) {
        if (at.port === port && (any || canonical === host)) return true
      }
      return false
    },
    async stop(abort) {
      stopped.abort()
      await work
      clock.clearTimeout(timer)
      // One listener for each socket and connection is no leak.
      setMaxListeners(0, abort)
      const sockets = [...pairs.values()].flatMap(({ sockets }) => sockets)
      await Promise.all([...closing, ...sockets.map((socket) => socket.close(abort))])
      pairs.clear()
    },
  }
}

/** Nobody else binds the gateways of Podman's networks; which these are is not known here. */
function podmansOwn({ host, port }: Bindable): string {
  const isLoopback = host.startsWith('127.') || host === '::1'
  return port === 53 && !isLoopback ? '; on a gateway of Podman’s it is aardvark-dns, see docs/podman.md' : ''
}

function bindProblem(at: Bindable, error: unknown): string {
  const where = `${at.host} port ${at.port}`
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `${where} is taken by another program (ss -lunpt 'sport = :${at.port}' names it${podmansOwn(at)}); choose another in listen:`
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address, or not yet`
    // What the system says of an interface that it does not know.
    case 'EINVAL':
    case 'ENODEV':
      return zoneOf(at.host) === undefined
        ? `${where}: ${explain(error)}`
        : `${where}: there is no interface ${zoneOf(at.host)}, or not yet (ip link names them); correct listen: where it stays away`
    case 'EACCES':
      return `${where}: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose a port like 1053`
    default:
      return `${where}: ${explain(error)}`
  }
}
