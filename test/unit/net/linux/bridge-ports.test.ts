// Which links are a bridge's ports: of the kernel's messages, of its list, and of /sys; test/system/ports has the real ones.
import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createKernelPorts, createSysPorts } from '../../../../src/net/linux/bridge-ports.ts'
import { hearKernel } from '../../../../src/net/linux/netlink.ts'
import { interfacesWith } from '../ports.ts'

const { EAGAIN, EINTR, ENOBUFS } = constants.errno
const [newLink, delLink, newAddress, error, done] = [16, 17, 20, 2, 3] as const
const [unspecified, bridge] = [0, 7]

function attribute(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(4 + data.length, 0)
  head.writeUInt16LE(type, 2)
  return Buffer.concat([head, data, Buffer.alloc(-data.length & 3)])
}

/** A netlink message of a link, with what its master is. */
function message(type: number, number: number, { kind = '', family = unspecified, flags = 0 } = {}): Buffer {
  const head = Buffer.alloc(32)
  const name = attribute(3, Buffer.from(`veth${number}\0`))
  const info = [
    attribute(1, Buffer.from('veth\0')),
    ...(kind ? [attribute(4, Buffer.from(`${kind}\0`))] : []),
  ]
  // NLA_F_NESTED, as some kernels set it.
  const attributes = Buffer.concat([name, attribute(18 | 0x8000, Buffer.concat(info))])
  head.writeUInt32LE(32 + attributes.length, 0)
  head.writeUInt16LE(type, 4)
  head.writeUInt16LE(flags, 6)
  head[16] = family
  head.writeInt32LE(number, 20)
  return Buffer.concat([head, attributes])
}

const end = message(done, 0)

function create(told: (Buffer | number)[] = [], ...lists: (Buffer | number)[][]) {
  const seen = { opened: 0, closed: 0, asked: 0 }
  let parts: (Buffer | number)[] = []
  /** Before the next part of a list is there. */
  let meanwhile = () => {}
  const give = (list: (Buffer | number)[], into: Uint8Array) => {
    const next = list.shift() ?? -EAGAIN
    if (typeof next === 'number') return next
    into.set(next)
    return next.length
  }
  const libc = {
    openNetlink(isHearing: boolean) {
      if (!isHearing) seen.opened++
      return isHearing ? 7 : 8
    },
    read: (_fd: number, into: Uint8Array) => give(told, into),
    async writeLater(_fd: number, bytes: Uint8Array) {
      seen.asked++
      parts = lists.shift() ?? []
      return bytes.length
    },
    async readLater(_fd: number, into: Uint8Array) {
      meanwhile()
      return give(parts, into)
    },
    close: () => void seen.closed++,
  }
  const ports = createKernelPorts(libc)
  const hear = hearKernel(libc, ports)!
  return {
    ...{ seen, ports, hear },
    now: () => [...ports.among([])].sort((a, b) => a - b),
    during: (act: () => void) => {
      meanwhile = act
    },
  }
}

describe('as the kernel tells', () => {
  it.each(['bridge', 'openvswitch', 'bond', 'team'])('a link of a %s is a port from then on', (kind) => {
    const { hear, now } = create([message(newLink, 5), message(newLink, 5, { kind })])
    expect(hear()).toBe('links')
    expect(now()).toEqual([5])
  })

  it.each(['vrf', 'hsr', 'batadv', 'bridged', ''])('a link of a %s is none', (kind) => {
    const { hear, now } = create([message(newLink, 5, { kind })])
    hear()
    expect(now()).toEqual([])
  })

  it.each([
    ['has left its bridge', message(newLink, 5)],
    ['has gone', message(delLink, 5)],
    ['is a VRF’s now', message(newLink, 5, { kind: 'vrf' })],
  ])('one that %s is none any more', (_what, last) => {
    const { hear, now } = create([
      message(newLink, 5, { kind: 'bridge' }),
      message(newLink, 6, { kind: 'bridge' }),
      last,
    ])
    hear()
    expect(now()).toEqual([6])
  })

  it('a bridge’s own word of its ports changes nothing: their kind is not in it', () => {
    const own = message(newLink, 5, { family: bridge })
    const { hear, now } = create([
      message(newLink, 5, { kind: 'bridge' }),
      own,
      message(delLink, 5, { family: bridge }),
    ])
    hear()
    expect(now()).toEqual([5])
  })

  it('all in a datagram are heard, also behind an address', () => {
    const both = Buffer.concat([message(newAddress, 5), message(newLink, 5, { kind: 'bridge' })])
    const { hear, now } = create([both])
    expect(hear()).toBe('addresses')
    expect(now()).toEqual([5])
  })

  it('is the same object as long as nothing changed', () => {
    const word = message(newLink, 5, { kind: 'bridge' })
    const { hear, ports } = create([word, -EAGAIN, word, message(newLink, 7)])
    hear()
    const before = ports.among([])
    hear()
    expect(ports.among([])).toBe(before)
  })

  it.each([0, 1, 15, 16, 20, 31, 33, 36, 40, 52])('a message cut to %i bytes does no harm', (bytes) => {
    const { hear, now } = create([message(newLink, 5, { kind: 'bridge' }).subarray(0, bytes)])
    hear()
    expect(now()).toEqual([])
  })

  it('attributes that say they have no length end', () => {
    const word = message(newLink, 5, { kind: 'bridge' })
    word.fill(0, 32)
    const { hear, now } = create([word])
    hear()
    expect(now()).toEqual([])
  })
})

describe('the kernel’s list', () => {
  const list = [
    message(newLink, 1),
    message(newLink, 5, { kind: 'bridge' }),
    message(newLink, 6, { kind: 'bridge' }),
  ]

  it('has those that were there before', async () => {
    const { ports, now, seen } = create([], [Buffer.concat(list.slice(0, 2)), -EINTR, list[2]!, end])
    await ports.renew(true)
    expect(now()).toEqual([5, 6])
    expect(seen).toEqual({ opened: 1, closed: 1, asked: 1 })
  })

  it('is read again where all are to be looked at, and where the kernel had more to tell than was heard', async () => {
    const { ports, hear, now, seen } = create([-ENOBUFS], [...list, end], [list[1]!, end], [list[2]!, end])
    await ports.renew(true)
    await ports.renew(false)
    expect(seen.asked).toBe(1)
    await ports.renew(true)
    expect(now()).toEqual([5])
    hear()
    await ports.renew(false)
    expect(now()).toEqual([6])
  })

  it('is older than what was heard while it came', async () => {
    const told = [message(newLink, 5), message(newLink, 8, { kind: 'bridge' })]
    const { ports, hear, now, during } = create(told, [...list, end])
    during(() => hear())
    await ports.renew(true)
    expect(now()).toEqual([6, 8])
  })

  it.each([
    ['an error', [list[1]!, message(error, 0)]],
    ['an end before its end', [list[1]!]],
    ['a broken socket', [list[1]!, -9]],
  ] as [string, (Buffer | number)[]][])(
    'with %s changes nothing, and is asked for again',
    async (_what, broken) => {
      const { ports, hear, now, seen } = create([list[2]!], broken, [list[1]!, end])
      hear()
      await ports.renew(true)
      expect(now()).toEqual([6])
      await ports.renew(false)
      expect(now()).toEqual([5])
      expect(seen).toEqual({ opened: 2, closed: 2, asked: 2 })
    },
  )

  it('that was disturbed is taken, and asked for again', async () => {
    const disturbed = message(newLink, 5, { kind: 'bridge', flags: 0x10 })
    const { ports, now, seen } = create([], [disturbed, end], [list[2]!, end])
    await ports.renew(true)
    expect(now()).toEqual([5])
    await ports.renew(false)
    expect(now()).toEqual([6])
    await ports.renew(false)
    expect(seen.asked).toBe(2)
  })
})

describe('as /sys tells', () => {
  const files = (...paths: string[]) => {
    const there = new Set(paths.map((path) => `/sys/class/net/${path}`))
    const looked: string[] = []
    return {
      ...{ there, looked },
      exists(path: string) {
        looked.push(path)
        return there.has(path)
      },
      read: (path: string) => `${/veth(\d+)/.exec(path)![1]}\n`,
    }
  }

  it('what has a bridge’s, a bond’s or Open vSwitch’s mark is a port', () => {
    const ports = createSysPorts(
      files('veth5/brport', 'veth6/bonding_slave', 'veth7/upper_ovs-system', 'veth8/upper_red'),
    )
    const local = interfacesWith([
      ['veth5', 5],
      ['veth6', 6],
      ['veth7', 7],
      ['veth8', 8],
    ])
    expect([...ports.among(local)]).toEqual([5, 6, 7])
    expect(ports.among(local)).toBe(ports.among(local))
  })

  it('a link of that name in another namespace is none', () => {
    expect(createSysPorts(files('veth5/brport')).among(interfacesWith([['veth5', 9]])).size).toBe(0)
  })

  it('is looked at again when all are', async () => {
    const sys = files('veth5/brport')
    const ports = createSysPorts(sys)
    const local = interfacesWith([
      ['veth5', 5],
      ['lo', 0],
    ])
    expect([...ports.among(local)]).toEqual([5])
    sys.there.clear()
    const looked = sys.looked.length
    expect([...ports.among(local)]).toEqual([5])
    expect(sys.looked).toHaveLength(looked)
    await ports.renew(false)
    expect([...ports.among(local)]).toEqual([])
  })
})
