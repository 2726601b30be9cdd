// Chooses the kind of sockets for this system: whether datagrams are read in batches, and how processes share addresses.
import type { Config } from '../config/types.ts'
import type { DialTcp, DialUdp } from '../forward/types.ts'
import type { Clock } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { InterfaceList } from '../lib/interfaces.ts'
import type { Logger } from '../lib/log.ts'
import { createDialTcp } from './link-local-tcp.ts'
import { createBatchedDial } from './linux/batched-client.ts'
import { createBatchedListener } from './linux/batched-listener.ts'
import { createKernelPorts, type Ports } from './linux/bridge-ports.ts'
import { createInterfaceCalls } from './linux/getifaddrs.ts'
import { type Libc, loadLibc } from './linux/libc.ts'
import { type Heard, hearKernel } from './linux/netlink.ts'
import { createNetlinkSignal, type NetlinkSignal, signalsHere } from './linux/netlink-signal.ts'
import { createPollLoop, type PollLoop } from './linux/poll-loop.ts'
import type { Listener, ListenOptions, Sharing } from './listener.ts'
import { listenUdp } from './udp-listener.ts'

export interface Sockets {
  readonly listenUdp: (options: ListenOptions) => Promise<Listener>
  /** undefined: there is one process. */
  readonly sharing: Sharing | undefined
  /** UDP to upstreams; undefined: by Node. */
  readonly dial: DialUdp | undefined
  /** TCP to upstreams, to addresses that Node does not accept. */
  readonly dialTcp: DialTcp | undefined
  /** What happened to the machine's addresses and links since the last call; undefined: not known. */
  readonly hear: (() => Heard) | undefined
  /** Fires when `hear` has news. */
  readonly signal: NetlinkSignal | undefined
  /** Which links are bridge ports; undefined unless `hear` is there. */
  readonly ports: Ports | undefined
  /** The list of interfaces; undefined: as Node has it. */
  readonly listInterfaces: ((only?: 'IPv4') => Promise<InterfaceList>) | undefined
  /** Returns free memory to the system, where there is such a call. */
  trim(): void
  /** How long the process has waited for datagrams outside the event loop, ms. */
  waited(): number
  /** As setImmediate, also while the process waits outside the event loop; undefined: it never does. */
  readonly soon: ((run: () => void) => void) | undefined
}

/** Rejects with BerthError LISTEN if batches are required and not available. */
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
  const { libc, pollLoop } = calls
  const ports = createKernelPorts(libc)
  const signal = createNetlinkSignal(libc, signalsHere)
  const hear = hearKernel(libc, ports, signal)
  const bindTcp: Sharing['bindTcp'] = (at) => libc.bind(at, { kind: 'tcp', shared: true })
  return {
    listenUdp: createBatchedListener(libc, pollLoop),
    sharing: workers === 1 ? undefined : { bindTcp },
    dial: createBatchedDial(libc, pollLoop, clock),
    dialTcp: createDialTcp(libc),
    hear,
    signal,
    ports: hear && ports,
    listInterfaces: createInterfaceCalls(libc),
    trim: libc.trim,
    waited: pollLoop.waited,
    soon: pollLoop.soon,
  }
}

/** What batches need; undefined: not available, or not wanted. */
async function chooseCalls(
  wanted: Config['udp'],
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  load: () => Promise<Libc>,
): Promise<{ libc: Libc; pollLoop: PollLoop } | undefined> {
  if (wanted === 'plain') return undefined
  try {
    const libc = await load()
    return { libc, pollLoop: createPollLoop({ libc, clock }) }
  } catch (error) {
    if (wanted === 'batch') {
      throw new BerthError(
        'LISTEN',
        'udp: batch is not available here; with udp: auto berth does without',
        error,
      )
    }
    log.info({ why: explain(error) }, 'UDP is served one datagram at a time')
    return undefined
  }
}

/** Systems on which Node's own sockets have SO_REUSEPORT, from 22.12 and 23.1 on; macOS has it, but does not spread the load. */
const spreading: readonly string[] = ['linux', 'freebsd']

/** Why processes cannot share addresses here, and what to do instead; undefined: they can. */
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
