// Keeps a UDP and a TCP socket at each configured address; "*" is every local address, as they come and go. Addresses that
// can't be bound are retried; sockets that stay are not touched.
import { setMaxListeners } from 'node:events'
import type { HostPort } from '../config/types.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import { BerthError, explain, systemCode } from '../lib/errors.ts'
import type { LocalAddresses } from '../lib/interfaces.ts'
import { zoneOf } from '../lib/ip.ts'
import type { Logger } from '../lib/log.ts'
import { type BoundAddresses, type BoundAddressTable, createBoundAddresses } from './bound.ts'
import { checkFree } from './check-free.ts'
import type { Handle } from './handler.ts'
import type { Limits } from './limits/limits.ts'
import type { Bindable, Listener, ListenOptions, Sharing } from './listener.ts'
import type { Addresses } from './local-addresses.ts'
import { listenTcp } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

export interface Listeners {
  /** Binds what can be bound; rejects with BerthError LISTEN where nothing can. */
  start(): Promise<void>
  /** Checks the local addresses now; call it when something may have changed. */
  look(): void
  /** The same if they are about to change: more often for a while. */
  refresh(): void
  /**
   * Changes the configured addresses; resolves once what can be bound is. Removed ones still answer what is in hand. While
   * none of the new ones can be bound, the former ones stay.
   */
  update(listen: readonly HostPort[]): Promise<void>
  readonly bound: BoundAddresses['all']
  readonly isOurs: BoundAddresses['isOurs']
  stop(abort: AbortSignal): Promise<void>
}

export interface ListenersOptions {
  readonly listen: readonly HostPort[]
  readonly addresses: Addresses
  /** Kept up to date with what is bound. */
  readonly bound?: BoundAddressTable
  /** Whether a signal says when to check. Default: none does. */
  readonly isSignalled?: () => boolean
  readonly handle: Handle
  readonly encoded?: ListenOptions['encoded']
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Logger
  /** If several processes listen at the same addresses. */
  readonly sharing?: Sharing | undefined
  /** Whether this is the first of these processes, which checks that an address is free before it is shared. Default: true. */
  readonly isFirst?: boolean
  /** The bound addresses have changed. */
  readonly onBound?: (bound: readonly Bindable[]) => void
  readonly listenUdp?: (options: ListenOptions) => Promise<Listener>
  readonly listenTcp?: (options: ListenOptions) => Promise<Listener>
}

/** Between checks of the local addresses, ms: normally, and while they change or some can't be bound. */
const lookEvery = 1000
const lookSoon = 250
/** The same while a signal says when to check, ms, in case that fails. */
const lookSignalled = 30_000
/** How long after a change another is likely, ms: an IPv6 address is being checked, several networks are created. */
const stirFor = 5000
/** If checks take long (very many routes): the share of our time they may have, and the longest pause, ms. */
const lookShare = 0.05
const lookRarely = 2000

/** Questions in hand at a closed address get SERVFAIL after this, ms. */
const drainFor = 1500
/** For this long after we left an address, ms, other processes may still have it bound. */
const heldFor = 10_000

/** An address's two sockets. */
interface Pair {
  readonly at: Bindable
  readonly sockets: readonly Listener[]
}

export function createListeners(options: ListenersOptions): Listeners {
  const {
    clock,
    log,
    handle,
    encoded,
    limits,
    sharing,
    isFirst = true,
    bound = createBoundAddresses(),
  } = options
  let { listen } = options
  const pairs = new Map<string, Pair>()
  /** Why an address can't be bound, and all that was logged about it. */
  const complained = new Map<string, { why: string; said: Set<string> }>()
  /** When shared addresses were left, ms. */
  const left = new Map<string, number>()
  const stopped = new AbortController()
  const closing = new Set<Promise<void>>()
  let work = Promise.resolve()
  /** From the latest check to the next, ms; that comes by itself once we have started. */
  let pause = lookEvery
  let timer: Timer | undefined
  let isStarted = false
  /** How long the last check took, ms. */
  let tookBefore = 0
  /** When addresses last changed, or were said to, ms. */
  let stirredAt = Number.NEGATIVE_INFINITY
  /** For these everything is bound as it should be: while they are the same, there is nothing to do. */
  let settled: { readonly local: LocalAddresses; readonly listen: readonly HostPort[] } | undefined

  /**
   * What should be bound now, by its key. A new IPv6 address waits for duplicate address detection; a bound one stays through
   * another. Unreachable addresses (each container's link has one) are bound only if they are configured by name.
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

  async function adjust(now: ReadonlyMap<string, Bindable>): Promise<void> {
    const before = [...pairs.keys()].join()
    const gone = [...pairs.keys()].filter((key) => !now.has(key))
    for (const key of gone) {
      const { host, port } = pairs.get(key)!.at
      // The same address on a new interface of that name: the old socket gets nothing from it, and blocks the port.
      const isInTheWay = [...now.values()].some((at) => at.host === host && at.port === port)
      if (isInTheWay) await close(key, AbortSignal.abort())
    }
    for (const [key, at] of now) if (!pairs.has(key) && !stopped.signal.aborted) await bind(key, at)
    for (const key of complained.keys()) if (!now.has(key)) complained.delete(key)
    // If none of the new ones can be bound, the former ones are better than none.
    const isNowhere = now.size > 0 && ![...now.keys()].some((key) => pairs.has(key))
    if (!isNowhere) for (const key of gone) void close(key)
    for (const [key, at] of left) if (clock.monotonic() - at > heldFor) left.delete(key)
    if ([...pairs.keys()].join() !== before) options.onBound?.(bound.all())
  }

  /** Takes no more questions there; those in hand have time to finish, unless `atOnce`. */
  function close(key: string, atOnce?: AbortSignal): Promise<void> {
    const pair = pairs.get(key)
    if (pair === undefined) return Promise.resolve()
    pairs.delete(key)
    bound.delete(key)
    if (sharing !== undefined) left.set(key, clock.monotonic())
    const { host: address, port } = pair.at
    const isNamed = listen.some((each) => each.port === port && (each.host === '*' || each.host === address))
    const isThere = options.addresses
      .current()
      .all.some((each) => each.bindable === address && each.unaskable)
    const gone = isThere
      ? 'the interface is now a bridge port, which no client can reach: no longer listening'
      : 'address gone, no longer listening'
    log.info({ address, port }, isNamed ? gone : 'no longer listening')
    const timeUp = new AbortController()
    const timer = clock.setTimeout(() => timeUp.abort(), drainFor)
    setMaxListeners(0, timeUp.signal)
    const closed = Promise.all(pair.sockets.map((socket) => socket.close(atOnce ?? timeUp.signal))).then(
      () => {
        clock.clearTimeout(timer)
        closing.delete(closed)
        // Another address may have been waiting for its port.
        if (complained.size > 0) void look()
      },
    )
    closing.add(closed)
    return closed
  }

  async function bind(key: string, at: Bindable): Promise<void> {
    const sockets: Listener[] = []
    try {
      if (sharing !== undefined && isFirst && !left.has(key)) await checkFree(at)
      const shared = { handle, encoded, limits, clock, log, sharing }
      sockets.push(await (options.listenUdp ?? listenUdp)({ at, ...shared }))
      // With port 0 (tests) TCP takes the port that UDP was given.
      sockets.push(
        await (options.listenTcp ?? listenTcp)({ at: { ...at, port: sockets[0]!.port }, ...shared }),
      )
      const inUse = { host: at.host, port: sockets[0]!.port }
      pairs.set(key, { at: inUse, sockets })
      bound.set(key, inUse)
      if (complained.delete(key))
        log.info({ address: at.host, port: at.port }, 'address can be bound now, listening')
    } catch (error) {
      await Promise.all(sockets.map((socket) => socket.close(AbortSignal.abort())))
      const why = bindProblem(at, error)
      const said = complained.get(key)?.said ?? new Set()
      if (!said.has(why)) log.warn({ address: at.host, port: at.port, why }, 'cannot listen, will retry')
      complained.set(key, { why, said: said.add(why) })
    }
  }

  /** One check at a time, in order. */
  function look(): Promise<void> {
    work = work.then(async () => {
      if (stopped.signal.aborted) return
      const began = clock.monotonic()
      const local = options.addresses.look()
      const asked = { local, listen }
      const now = settled?.local === local && settled.listen === listen ? undefined : wanted(local)
      const took = clock.monotonic() - began
      // One slow check may be the machine's load, two in a row are the table's size.
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
    if (!isStirred && options.isSignalled?.() && options.addresses.isAtRest()) return lookSignalled
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
    bound: bound.all,
    isOurs: bound.isOurs,
    async stop(abort) {
      stopped.abort()
      await work
      clock.clearTimeout(timer)
      // One listener for each socket and connection is no leak.
      setMaxListeners(0, abort)
      const sockets = [...pairs.values()].flatMap(({ sockets }) => sockets)
      await Promise.all([...closing, ...sockets.map((socket) => socket.close(abort))])
      for (const key of pairs.keys()) bound.delete(key)
      pairs.clear()
    },
  }
}

/** On a gateway of Podman's networks it can only be aardvark-dns; which addresses those are is not known here. */
function podmansOwn({ host, port }: Bindable): string {
  const isLoopback = host.startsWith('127.') || host === '::1'
  return port === 53 && !isLoopback ? '; on a gateway of Podman’s it is aardvark-dns, see docs/podman.md' : ''
}

function bindProblem(at: Bindable, error: unknown): string {
  const where = `${at.host} port ${at.port}`
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `${where} is in use by another program (ss -lunpt 'sport = :${at.port}' names it${podmansOwn(at)}); choose another in listen:`
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address, or not yet`
    // What the system reports for an unknown interface.
    case 'EINVAL':
    case 'ENODEV':
      return zoneOf(at.host) === undefined
        ? `${where}: ${explain(error)}`
        : `${where}: there is no interface ${zoneOf(at.host)}, or not yet (ip link names them); if it never comes, correct listen:`
    case 'EACCES':
      return `${where}: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose a port like 1053`
    default:
      return `${where}: ${explain(error)}`
  }
}
