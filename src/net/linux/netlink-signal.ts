// Being told instead of asking: the kernel sends SIGIO as soon as there is something to read on a socket (O_ASYNC,
// fcntl(2)), and Node hands that to the event loop. Node itself waits on no netlink socket.
import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import type { Libc } from './libc.ts'

export interface NetlinkSignal {
  /** From now on for this socket. Never throws: what can't be had is never proven. */
  start(fd: number): void
  /** Asks for one signal more. Before the socket is read, so that nothing falls in between. */
  arm(): void
  /** Is called for each signal; the next one comes once it is asked for. */
  onSignal(tell: () => void): void
  /** Whether signals do come: there are systems and sandboxes that promise them and send none. */
  isProven(): boolean
  stop(): void
}

/** As far as `process` is needed. */
export interface Signals {
  on(name: 'SIGIO', run: () => void): unknown
  off(name: 'SIGIO', run: () => void): unknown
}

const NLMSG_NOOP = 1
const NLM_F_REQUEST = 0x1
const NLM_F_ACK = 0x4
/** struct nlmsghdr. */
const headerBytes = 16

/** Node gives signals to its main thread alone; undefined elsewhere, and where there is no such signal. */
export const signalsHere: Signals | undefined =
  isMainThread && 'SIGIO' in constants.signals ? process : undefined

/** Without `signals` none is asked for: who is sent one and does not hear it is ended by it. */
export function createNetlinkSignal(
  libc: Pick<Libc, 'sendSignals' | 'writeLater'>,
  signals: Signals | undefined,
): NetlinkSignal {
  let socket: number | undefined
  let isArmed = false
  let isProven = false
  let tell = () => {}

  function ask(isWanted: boolean): void {
    if (socket === undefined || isArmed === isWanted) return
    // One for each message would be thirty for a container's start.
    if (libc.sendSignals(socket, isWanted)) isArmed = isWanted
  }

  function take(): void {
    isProven = true
    ask(false)
    tell()
  }

  return {
    start(fd) {
      if (signals === undefined) return
      signals.on('SIGIO', take)
      socket = fd
      ask(true)
      // The kernel says at once, and without waiting for any lock, that it has done nothing.
      void libc.writeLater(fd, doNothing()).catch(() => {})
    },
    arm: () => ask(true),
    onSignal(run) {
      tell = run
    },
    isProven: () => isProven,
    stop() {
      ask(false)
      // Not sure to be off: then who goes on hearing it is not ended by it.
      if (!isArmed) signals?.off('SIGIO', take)
      socket = undefined
      isProven = false
    },
  }
}

/** A message that asks for nothing but its acknowledgement. */
function doNothing(): Buffer {
  const message = Buffer.alloc(headerBytes)
  message.writeUInt32LE(headerBytes, 0)
  message.writeUInt16LE(NLMSG_NOOP, 4)
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6)
  return message
}
