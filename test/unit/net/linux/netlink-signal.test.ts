// Being told by a signal that there is something to read: one for each time that it is asked for, and nobody is sent one
// who does not hear it. test/system/netlink has the real kernel.
import { describe, expect, it } from 'vitest'
import { createNetlinkSignal, type Signals } from '../../../../src/net/linux/netlink-signal.ts'

function create({ canSend = true, canHear = true } = {}) {
  const runs = new Set<() => void>()
  const seen = { sends: [] as boolean[], written: [] as Uint8Array[], told: 0, isSending: false }
  const process: Signals = {
    on: (_name, run) => runs.add(run),
    off: (_name, run) => runs.delete(run),
  }
  const libc = {
    sendSignals(_fd: number, isWanted: boolean) {
      if (isWanted) expect(runs.size).toBe(1)
      seen.sends.push(isWanted)
      if (canSend) seen.isSending = isWanted
      return canSend
    },
    async writeLater(_fd: number, bytes: Uint8Array) {
      seen.written.push(bytes)
      return bytes.length
    },
  }
  const signal = createNetlinkSignal(libc, canHear ? process : undefined)
  signal.onSignal(() => void seen.told++)
  /** As the kernel does it. */
  const send = () => {
    if (!seen.isSending) return false
    for (const run of runs) run()
    return runs.size > 0
  }
  return { signal, seen, send, runs }
}

describe('a signal', () => {
  it('comes once for each time it is asked for', () => {
    const { signal, seen, send } = create()
    signal.start(7)
    expect(send()).toBe(true)
    expect(seen.told).toBe(1)
    expect(send()).toBe(false)
    signal.arm()
    signal.arm()
    expect(seen.sends).toEqual([true, false, true])
    expect(send()).toBe(true)
    expect(seen.told).toBe(2)
  })

  it('is proven by the first one, for which the kernel is asked for an acknowledgement', () => {
    const { signal, seen, send } = create()
    signal.start(7)
    expect(signal.isProven()).toBe(false)
    // struct nlmsghdr: 16 bytes, NLMSG_NOOP, NLM_F_REQUEST and NLM_F_ACK.
    expect([...seen.written[0]!].slice(0, 8)).toEqual([16, 0, 0, 0, 1, 0, 5, 0])
    send()
    expect(signal.isProven()).toBe(true)
  })

  it('is not sent any more once it is stopped, and only then not heard any more', () => {
    const { signal, seen, send, runs } = create()
    signal.start(7)
    send()
    signal.arm()
    signal.stop()
    expect(seen.isSending).toBe(false)
    expect(runs.size).toBe(0)
    expect(signal.isProven()).toBe(false)
    signal.arm()
    expect(seen.isSending).toBe(false)
  })

  it('is not asked for where it can not be heard', () => {
    const { signal, seen } = create({ canHear: false })
    signal.start(7)
    signal.arm()
    signal.stop()
    expect(seen.sends).toEqual([])
  })

  it('is never proven where the system sends none', () => {
    const { signal, seen } = create({ canSend: false })
    signal.start(7)
    signal.arm()
    expect(seen.sends).toEqual([true, true])
    expect(signal.isProven()).toBe(false)
  })
})
