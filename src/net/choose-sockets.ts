// Which kind of sockets this system gets: whether datagrams are read in batches, and how several processes share them.
import type { Config } from '../config/types.ts'
import type { DialTcp, DialUdp } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { InterfaceList } from '../lib/interfaces.ts'
import type { Logger } from '../lib/log.ts'
import { createBatchDial } from './dial-batch.ts'
import { createInterfaceCalls } from './interface-calls.ts'
import { type Libc, loadLibc } from './libc.ts'
import type { Listener, ListenOptions, Sharing } from './listener.ts'
import { type Heard, hearKernel } from './netlink.ts'
import { createNetlinkSignal, type NetlinkSignal, signalsHere } from './netlink-signal.ts'
import { createKernelPorts, type Ports } from './ports.ts'
import { createDialTcp } from './scoped.ts'
import { listenUdp } from './udp.ts'
import { createBatchUdp } from './udp-batch.ts'
import { createWaiting, type Waiting } from './waiting.ts'

export interface Sockets {
  readonly listenUdp: (options: ListenOptions) => Promise<Listener>
  /** undefined: one process has each address for itself. */
  readonly sharing: Sharing | undefined
  /** To upstreams; undefined: by Node. */
  readonly dial: DialUdp | undefined
  /** The same over TCP, where Node itself can't. */
  readonly dialTcp: DialTcp | undefined
  /** What has happened to the machine's addresses and links since it was asked last; undefined: nobody tells. */
  readonly hear: (() => Heard) | undefined
  /** Tells when there is something to hear. */
  readonly signal: NetlinkSignal | undefined
  /** Which links are a bridge's ports, of whoever is heard. */
  readonly ports: Ports | undefined
  /** The list of interfaces; undefined: as Node has it. */
  readonly listInterfaces: ((only?: 'IPv4') => Promise<InterfaceList>) | undefined
  /** Gives memory that is free back to the system, as far as that can be had. */
  trim(): void
  /** How long the process has waited for datagrams besides the event loop, ms. */
  waited(): number
  /** As setImmediate does, also while the process waits like that; undefined: it never does. */
  readonly soon: ((run: () => void) => void) | undefined
}

/** Rejects with BerthError LISTEN where batches are demanded and can't be had. */
export async function chooseSockets(
  { udp, workers }: Pick<Config, 'udp' | 'workers'>,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  load: () => Promise<Libc> = loadLibc,
): Promise<Sockets> {
  const calls = await chooseCalls(udp, { log, clock }, load)
  if (calls === undefined) {
    const sharing = workers === 1 ? undefined : { bindTcp: undefined }
    const none = { dial: undefined, dialTcp: undefined, hear: undefined, signal: undefined, soon: undefined }
    return {
      listenUdp,
      sharing,
      ...none,
      ports: undefined,
      listInterfaces: undefined,
      trim() {},
      waited: () => 0,
    }
  }
  const { libc, waiting } = calls
  const ports = createKernelPorts(libc)
  const signal = createNetlinkSignal(libc, signalsHere)
  const hear = hearKernel(libc, ports, signal)
  const bindTcp: Sharing['bindTcp'] = (at) => libc.bind(at, { kind: 'tcp', shared: true })
  return {
    listenUdp: createBatchUdp(libc, waiting),
    sharing: workers === 1 ? undefined : { bindTcp },
    dial: createBatchDial(libc, waiting, clock),
    dialTcp: createDialTcp(libc),
    hear,
    signal,
    ports: hear && ports,
    listInterfaces: createInterfaceCalls(libc),
    trim: libc.trim,
    waited: waiting.waited,
    soon: waiting.soon,
  }
}

/** What batches need; undefined where it can't be had, or is not wanted. */
async function chooseCalls(
  wanted: Config['udp'],
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  load: () => Promise<Libc>,
): Promise<{ libc: Libc; waiting: Waiting } | undefined> {
  if (wanted === 'plain') return undefined
  try {
    const libc = await load()
    return { libc, waiting: createWaiting({ libc, clock }) }
  } catch (error) {
    if (wanted === 'batch') {
      throw new BerthError('LISTEN', 'udp: batch can not be had here; auto does without', error)
    }
    log.info({ why: explain(error) }, 'UDP is served one datagram at a time')
    return undefined
  }
}

/** Where Node's own sockets know SO_REUSEPORT, from 22.12 and 23.1 on; macOS has it, but does not spread what comes. */
const spreading: readonly string[] = ['linux', 'freebsd']

/** Why several processes can not share addresses here, and what to do instead; undefined where they can. */
export async function whyNotShared(
  udp: Config['udp'],
  load: () => Promise<Libc> = loadLibc,
  { node, platform }: { node: string; platform: string } = {
    node: process.versions.node,
    platform: process.platform,
  },
): Promise<string | undefined> {
  const [major, minor] = node.split('.').map(Number) as [number, number]
  const isNew = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  if (isNew && spreading.includes(platform)) return undefined
  const what =
    'more than one process needs batched UDP (Linux on x86-64 or ARM64, with the package koffi) or Node 22.12'
  const here = `this is Node ${node} on ${platform}`
  if (udp === 'plain') return `${what}, ${here} with "udp: plain"; set "udp" to auto, or "workers" to 1`
  try {
    await load()
    return undefined
  } catch (error) {
    return `${what}, ${here} (${explain(error)}); set "workers" to 1`
  }
}
