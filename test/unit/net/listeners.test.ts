// Addresses ↔ sockets, with sockets that only say what was done to them.
import { describe, expect, it, vi } from 'vitest'
import type { LocalAddress } from '../../../src/lib/interfaces.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import type { ListenOptions } from '../../../src/net/listener.ts'
import { createListeners, type ListenersOptions } from '../../../src/net/listeners.ts'
import { createHandClock } from '../../hand-clock.ts'
import { freePort } from '../../tools/servers/port.ts'
import { interfaces } from '../resolve/estate.ts'
import { createAccounting } from './limits/accounting.ts'

const lo = { lo: ['127.0.0.1/8'] }

const parse = (text: string) => {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) }
}

function create(
  listen: readonly string[],
  first: Record<string, readonly string[]> = lo,
  more: Partial<ListenersOptions> = {},
) {
  const told: string[] = []
  const open = new Set<string>()
  const taken = new Set<string>()
  const asked: string[] = []
  let local = interfaces(first)
  const { clock, runNext } = createHandClock()
  const fake = (kind: string) => async (options: ListenOptions) => {
    const key = `${kind} ${options.at.host} ${options.at.port}`
    asked.push(key)
    if (taken.has(key)) throw Object.assign(new Error('no'), { code: 'EADDRINUSE' })
    open.add(key)
    return { port: options.at.port, close: async () => void open.delete(key) }
  }
  const listeners = createListeners({
    listen: listen.map(parse),
    addresses: { current: () => local, look: () => local, isAtRest: () => true },
    handle: () => undefined,
    limits: createAccounting().limits,
    clock,
    log: silentLogger,
    listenUdp: fake('udp'),
    listenTcp: fake('tcp'),
    onBound: (bound) => void told.push(bound.map(({ host, port }) => `${host}:${port}`).join(' ')),
    ...more,
  })
  /** Until what was asked for has been looked at. */
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return {
    listeners,
    open,
    taken,
    asked,
    told,
    settle,
    async have(listing: Record<string, readonly string[]>) {
      local = interfaces(listing)
      listeners.refresh()
      await settle()
    },
    /** The addresses as they are, with something else about some of them. */
    async tell(change: (local: LocalAddress) => LocalAddress) {
      local = { ...local, all: local.all.map(change) }
      listeners.refresh()
      await settle()
    },
    async nextLook() {
      runNext()
      await settle()
    },
  }
}

describe('listening', () => {
  it('takes UDP and TCP of each configured address', async () => {
    const { listeners, open } = create(['127.0.0.1:1053', '::1:53'])
    await listeners.start()
    expect([...open]).toEqual(['udp 127.0.0.1 1053', 'tcp 127.0.0.1 1053', 'udp ::1 53', 'tcp ::1 53'])
    await listeners.stop(AbortSignal.abort())
    expect(open.size).toBe(0)
    expect(listeners.bound()).toEqual([])
  })

  it('"*" follows addresses as they come and go', async () => {
    const { listeners, open, have } = create(['*:53'])
    await listeners.start()
    await have({ ...lo, eth0: ['172.18.0.9/16'] })
    expect([...open]).toEqual([
      'udp 127.0.0.1 53',
      'tcp 127.0.0.1 53',
      'udp 172.18.0.9 53',
      'tcp 172.18.0.9 53',
    ])
    await have({ eth0: ['172.18.0.9/16'] })
    expect(listeners.bound()).toEqual([{ host: '172.18.0.9', port: 53 }])
    expect([...open]).toEqual(['udp 172.18.0.9 53', 'tcp 172.18.0.9 53'])
    await listeners.stop(AbortSignal.abort())
  })

  it('addresses that stay keep their sockets', async () => {
    const { listeners, asked, have } = create(['*:53'])
    await listeners.start()
    await have(lo)
    await have({ ...lo, eth0: ['172.18.0.9/16'] })
    expect(asked.filter((key) => key.includes('127.0.0.1'))).toHaveLength(2)
    await listeners.stop(AbortSignal.abort())
  })

  it('a new IPv6 address is bound once its duplicate check is over, and stays bound through another', async () => {
    const { listeners, asked, open, tell } = create(['*:53'])
    await listeners.start()
    const check = (unbindable: boolean, address: string) => (local: LocalAddress) =>
      local.address === address ? { ...local, unbindable } : local
    asked.length = 0
    await tell((local) => ({ ...local, address: '2001:db8::1', bindable: '2001:db8::1', unbindable: true }))
    expect([asked, open.size]).toEqual([[], 0])
    await tell(check(false, '2001:db8::1'))
    expect(asked).toEqual(['udp 2001:db8::1 53', 'tcp 2001:db8::1 53'])
    await tell(check(true, '2001:db8::1'))
    expect([...open]).toEqual(asked)
    expect(asked).toHaveLength(2)
    await listeners.stop(AbortSignal.abort())
  })

  it('goes through addresses again only where they are other ones, or something is not bound yet', async () => {
    const { all, own } = interfaces(lo)
    let reads = 0
    let local = track(all)
    function track(list: typeof all) {
      return {
        own,
        get all() {
          reads++
          return list
        },
      }
    }
    const { listeners, taken, nextLook } = create(['*:53'], lo, {
      addresses: { current: () => local, look: () => local, isAtRest: () => true },
    })
    await listeners.start()
    const first = reads
    for (let i = 0; i < 10; i++) await nextLook()
    expect(reads).toBe(first)
    taken.add('tcp 127.0.0.9 53')
    local = track([...all, { ...all[0]!, address: '127.0.0.9', bindable: '127.0.0.9' }])
    await nextLook()
    await nextLook()
    expect(listeners.bound()).toHaveLength(1)
    taken.clear()
    await nextLook()
    expect(listeners.bound()).toHaveLength(2)
    await listeners.update([parse('*:54')])
    expect(listeners.bound().map(({ port }) => port)).toEqual([54, 54])
    await listeners.stop(AbortSignal.abort())
  })

  it.each([
    ['told, and nothing is owed', true, true, 30_000],
    ['told, and something is owed', true, false, 1000],
    ['not told', false, true, 1000],
  ])('looks as seldom as may be: %s', async (_name, isTold, isAtRest, pause) => {
    const hand = createHandClock()
    const local = interfaces(lo)
    let looks = 0
    const look = () => {
      looks++
      return local
    }
    const { listeners, settle } = create(['*:53'], lo, {
      ...{ clock: hand.clock, isSignalled: () => isTold },
      addresses: { current: () => local, look, isAtRest: () => isAtRest },
    })
    await listeners.start()
    const turn = async (ms: number) => {
      hand.turn(ms)
      await settle()
    }
    // While more is to be expected.
    for (let i = 0; i < 20; i++) await turn(250)
    expect(looks).toBe(21)
    await turn(pause - 1)
    expect(looks).toBe(21)
    await turn(1)
    expect(looks).toBe(22)
    // Who is told looks at once, and then as before.
    listeners.look()
    await settle()
    expect(looks).toBe(23)
    await turn(pause - 1)
    expect(looks).toBe(23)
    await turn(1)
    expect(looks).toBe(24)
    listeners.refresh()
    await settle()
    await turn(250)
    expect(looks).toBe(26)
    await listeners.stop(AbortSignal.abort())
    expect(hand.pending()).toBe(0)
  })

  it('a link-local address on a new interface of the same name gets new sockets', async () => {
    const { listeners, asked, tell } = create(['*:53'])
    await listeners.start()
    const on = (zone: number) => (local: LocalAddress) => ({ ...local, bindable: 'fe80::1%br0', zone })
    await tell(on(5))
    await tell(on(6))
    expect(asked.filter((key) => key === 'udp fe80::1%br0 53')).toHaveLength(2)
    expect(listeners.bound()).toEqual([{ host: 'fe80::1%br0', port: 53 }])
    await listeners.stop(AbortSignal.abort())
  })

  it('"*" leaves out what nobody can ask, also when it becomes so, and what is named stays', async () => {
    const { listeners, open, asked, tell } = create(['*:53'])
    await listeners.start()
    const port = (unaskable: boolean) => (local: LocalAddress) => {
      const [bindable, zone] = ['fe80::1%veth0', 5]
      return { ...local, address: 'fe80::1', bindable, zone, unaskable }
    }
    asked.length = 0
    await tell(port(true))
    expect([asked, open.size]).toEqual([[], 0])
    await tell(port(false))
    expect([...open]).toEqual(['udp fe80::1%veth0 53', 'tcp fe80::1%veth0 53'])
    await tell(port(true))
    expect(open.size).toBe(0)
    await listeners.update([{ host: 'fe80::1%veth0', port: 53 }])
    expect([...open]).toEqual(['udp fe80::1%veth0 53', 'tcp fe80::1%veth0 53'])
    await listeners.stop(AbortSignal.abort())
  })

  it('says once of each problem what it is, though two take turns, and what to do', async () => {
    const warnings: unknown[] = []
    const log = { ...silentLogger, warn: (what: object) => void warnings.push(what) }
    let codes = ['EINVAL', 'EADDRNOTAVAIL']
    const listenTcp = async () => {
      codes = codes.toReversed()
      throw Object.assign(new Error('no'), { code: codes[0] })
    }
    const { listeners, nextLook } = create(['fe80::1%up_link:53'], lo, { log, listenTcp })
    await expect(listeners.start()).rejects.toThrow('no such address')
    for (let i = 0; i < 4; i++) {
      listeners.refresh()
      await nextLook()
    }
    expect(warnings).toMatchObject([
      { why: 'fe80::1%up_link port 53: this machine has no such address, or not yet' },
      { why: expect.stringContaining('there is no interface up_link, or not yet (ip link') },
    ])
  })

  it('a taken address is tried again at the next look, the others serve meanwhile', async () => {
    const { listeners, taken, open, nextLook } = create(['127.0.0.1:53', '127.0.0.2:53'])
    taken.add('tcp 127.0.0.2 53')
    await listeners.start()
    // UDP without TCP is no listening.
    expect([...open]).toEqual(['udp 127.0.0.1 53', 'tcp 127.0.0.1 53'])
    await nextLook()
    expect(listeners.bound()).toHaveLength(1)
    taken.clear()
    await nextLook()
    expect(listeners.bound()).toEqual([
      { host: '127.0.0.1', port: 53 },
      { host: '127.0.0.2', port: 53 },
    ])
    await listeners.stop(AbortSignal.abort())
  })

  it('rejects where nothing can be bound, and says why', async () => {
    const { listeners, taken } = create(['127.0.0.1:53'])
    taken.add('udp 127.0.0.1 53')
    await expect(listeners.start()).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringContaining('127.0.0.1 port 53 is in use by another program'),
    })
  })

  it.each([
    ['172.18.0.1:53', true],
    ['172.18.0.1:1053', false],
    ['127.0.0.1:53', false],
  ])('at %s names aardvark-dns, which has port 53 of Podman’s gateways: %s', async (at, isNamed) => {
    const { listeners, taken } = create([at], { ...lo, br: ['172.18.0.1/16'] })
    taken.add(`udp ${at.replace(':', ' ')}`)
    const failure = await listeners.start().catch(String)
    expect(`${failure}`.includes('aardvark-dns')).toBe(isNamed)
  })

  it('binds nothing any more once it is stopped', async () => {
    const { listeners, open, have } = create(['*:53'])
    await listeners.start()
    await listeners.stop(AbortSignal.abort())
    await have({ eth0: ['172.18.0.9/16'] })
    expect(open.size).toBe(0)
  })

  it('knows which addresses come to us', async () => {
    const { listeners } = create(['127.0.0.1:53', '172.18.0.1:1053'], { ...lo, br: ['172.18.0.1/16'] })
    await listeners.start()
    expect(listeners.isOurs('127.0.0.1', 53)).toBe(true)
    expect(listeners.isOurs('0.0.0.0', 53)).toBe(true)
    expect(listeners.isOurs('172.18.0.1', 1053)).toBe(true)
    expect(listeners.isOurs('127.0.0.1', 1053)).toBe(false)
    expect(listeners.isOurs('127.0.0.53', 53)).toBe(false)
    expect(listeners.isOurs('172.18.0.1', 53)).toBe(false)
    expect(listeners.isOurs('9.9.9.9', 53)).toBe(false)
    await listeners.stop(AbortSignal.abort())
  })
})

describe('another list of addresses', () => {
  const to = (...listen: string[]) => listen.map(parse)

  it('binds the new ones, closes those that are gone, and leaves the rest alone', async () => {
    const { listeners, open, asked } = create(['127.0.0.1:53', '127.0.0.2:53'])
    await listeners.start()
    await listeners.update(to('127.0.0.1:53', '127.0.0.3:53'))
    expect([...open]).toEqual([
      'udp 127.0.0.1 53',
      'tcp 127.0.0.1 53',
      'udp 127.0.0.3 53',
      'tcp 127.0.0.3 53',
    ])
    expect(asked.filter((key) => key.includes('127.0.0.1'))).toHaveLength(2)
    await listeners.update(to('*:53'))
    expect(listeners.bound()).toEqual([{ host: '127.0.0.1', port: 53 }])
    expect(asked.filter((key) => key.includes('127.0.0.1'))).toHaveLength(2)
    await listeners.stop(AbortSignal.abort())
    expect(open.size).toBe(0)
  })

  it('keeps the former ones while none of the new can be had', async () => {
    const { listeners, taken, nextLook } = create(['127.0.0.1:53'])
    await listeners.start()
    taken.add('udp 127.0.0.2 53').add('udp 127.0.0.3 53')
    await listeners.update(to('127.0.0.2:53', '127.0.0.3:53'))
    expect(listeners.bound()).toEqual([{ host: '127.0.0.1', port: 53 }])
    taken.delete('udp 127.0.0.3 53')
    await nextLook()
    expect(listeners.bound()).toEqual([{ host: '127.0.0.3', port: 53 }])
    await listeners.stop(AbortSignal.abort())
  })

  it('does not wait for what is in hand, which gets SERVFAIL after 1.5 s', async () => {
    const hand = createHandClock()
    const closed: string[] = []
    const slow = (kind: string) => async (options: ListenOptions) => ({
      port: options.at.port,
      close: (abort: AbortSignal) =>
        new Promise<void>((resolve) => {
          const end = () => {
            closed.push(`${kind} ${options.at.host}`)
            resolve()
          }
          if (abort.aborted) end()
          else abort.addEventListener('abort', end)
        }),
    })
    const listeners = createListeners({
      ...{
        listen: to('127.0.0.1:53'),
        addresses: { current: () => interfaces(lo), look: () => interfaces(lo), isAtRest: () => true },
        handle: () => undefined,
      },
      ...{ limits: createAccounting().limits, clock: hand.clock, log: silentLogger },
      ...{ listenUdp: slow('udp'), listenTcp: slow('tcp') },
    })
    await listeners.start()
    await listeners.update(to('127.0.0.2:53'))
    expect(listeners.bound()).toEqual([{ host: '127.0.0.2', port: 53 }])
    expect(listeners.isOurs('127.0.0.1', 53)).toBe(false)
    hand.turn(1_499)
    expect(closed).toEqual([])
    hand.turn(1)
    expect(closed).toEqual(['udp 127.0.0.1', 'tcp 127.0.0.1'])
    await listeners.stop(AbortSignal.abort())
  })
})

describe('where addresses are shared', () => {
  it('those who share them are told what is bound, and only where that is something else', async () => {
    const { listeners, told, have, nextLook } = create(['*:53'])
    await listeners.start()
    await nextLook()
    await have({ ...lo, eth0: ['192.0.2.7/24'] })
    await have(lo)
    await listeners.update([parse('127.0.0.1:54')])
    expect(told).toEqual(['127.0.0.1:53', '127.0.0.1:53 192.0.2.7:53', '127.0.0.1:53', '127.0.0.1:54'])
  })

  it('one is taken from nobody, but may be held by who has it from us', async () => {
    const libc = await loadLibc()
    const [ours, other] = [await freePort(), await freePort()]
    const hold = () => libc.bind({ host: '127.0.0.1', port: ours }, { kind: 'udp', shared: true })
    const sharing = { sharing: { bindTcp: undefined } }
    const stranger = hold()
    const { listeners, told, nextLook } = create([`127.0.0.1:${ours}`, `127.0.0.1:${other}`], lo, sharing)
    await listeners.start()
    expect(told).toEqual([`127.0.0.1:${other}`])
    libc.close(stranger)
    await nextLook()
    // The probe is a real socket's.
    await vi.waitUntil(() => told.length === 2, 20_000)
    expect(told[1]).toBe(`127.0.0.1:${other} 127.0.0.1:${ours}`)
    const worker = hold()
    await listeners.update([parse(`127.0.0.1:${other}`)])
    await listeners.update([parse(`127.0.0.1:${ours}`)])
    expect(told.at(-1)).toBe(`127.0.0.1:${ours}`)
    libc.close(worker)
  })

  it('a worker goes by the first, and looks for itself at nothing', async () => {
    const libc = await loadLibc()
    const port = await freePort()
    const first = libc.bind({ host: '127.0.0.1', port }, { kind: 'udp', shared: true })
    const worker = { sharing: { bindTcp: undefined }, isFirst: false }
    const { listeners, told } = create([`127.0.0.1:${port}`], lo, worker)
    await listeners.start()
    expect(told).toEqual([`127.0.0.1:${port}`])
    libc.close(first)
  })
})
