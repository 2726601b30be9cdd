// What the kernel tells of addresses and links: message by message; test/system/netlink has the real one.
import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { LinkWatch } from '../../../../src/net/linux/bridge-ports.ts'
import { hearKernel } from '../../../../src/net/linux/netlink.ts'
import type { NetlinkSignal } from '../../../../src/net/linux/netlink-signal.ts'

const { EAGAIN, EINTR, ENOBUFS, EBADF } = constants.errno

/** One netlink message of this type, so many bytes long with its header. */
function message(type: number, bytes = 32): Buffer {
  const buffer = Buffer.alloc((bytes + 3) & ~3)
  buffer.writeUInt32LE(bytes, 0)
  buffer.writeUInt16LE(type, 4)
  return buffer
}

const [newLink, delLink, newAddress, delAddress] = [16, 17, 20, 21].map((type) => message(type)) as Buffer[]

const hear = (...datagrams: (Buffer | number)[]) => hearBeside(datagrams)

function hearBeside(datagrams: (Buffer | number)[], watch?: LinkWatch) {
  const read = (_fd: number, into: Uint8Array) => {
    const next = datagrams.shift() ?? -EAGAIN
    if (typeof next === 'number') return next
    into.set(next)
    return next.length
  }
  return hearKernel({ openNetlink: () => 7, read }, watch)!
}

describe('what it says', () => {
  it.each([
    ['nothing', [], 'nothing'],
    ['a link that came', [newLink], 'links'],
    ['a link that went', [delLink], 'links'],
    ['an address that came', [newAddress], 'addresses'],
    ['an address that went', [delAddress], 'addresses'],
    ['an address before a link', [newAddress, newLink], 'addresses'],
    [
      'an address behind a link in one datagram',
      [Buffer.concat([message(16, 33), delAddress!])],
      'addresses',
    ],
    ['the acknowledgement of what we asked for', [message(2, 36)], 'nothing'],
    ['an address behind it', [message(2, 36), newAddress], 'addresses'],
    ['an interrupted call', [-EINTR, newAddress], 'addresses'],
    ['more than there was room for', [newLink, -ENOBUFS], 'addresses'],
    ['a socket that is broken', [-EBADF], 'addresses'],
    ['a message that says it has no length', [Buffer.alloc(40)], 'links'],
    ['a message cut off', [Buffer.alloc(7)], 'links'],
  ] as [string, (Buffer | number)[], string][])('%s: %s', (_name, datagrams, heard) => {
    expect(hear(...datagrams)()).toBe(heard)
  })

  it.each([
    ['of a bridge’s port, on its link alone', 253, 7, 'links'],
    ['of a bridge’s port, for everywhere', 0, 7, 'addresses'],
    ['of another link, on that alone', 253, 8, 'addresses'],
  ])('an address %s: scope %d', (_name, scope, link, heard) => {
    for (const type of [20, 21]) {
      const told = message(type)
      told[16 + 3] = scope
      told.writeUInt32LE(link, 16 + 4)
      const ports = { link() {}, lost() {}, isPort: (number: number) => number === 7 }
      expect(hearBeside([told], ports)()).toBe(heard)
      expect(hearBeside([Buffer.concat([told, newLink!])], ports)()).toBe(heard)
      expect(hearBeside([newAddress!, told], ports)()).toBe('addresses')
    }
  })

  it('is told once', () => {
    const told = hear(newAddress!)
    expect(told()).toBe('addresses')
    expect(told()).toBe('nothing')
  })

  it('asks for a signal before it reads: what comes after that is signalled', () => {
    const order: string[] = []
    const signal = {
      start: (fd: number) => void order.push(`start ${fd}`),
      arm: () => void order.push('arm'),
    } as NetlinkSignal
    const read = () => {
      order.push('read')
      return -EAGAIN
    }
    const hear = hearKernel({ openNetlink: () => 7, read }, undefined, signal)!
    hear()
    expect(order).toEqual(['start 7', 'arm', 'read'])
  })

  it('is undefined where there is no such socket', () => {
    const openNetlink = () => {
      throw new Error('EPERM')
    }
    expect(hearKernel({ openNetlink, read: () => 0 })).toBeUndefined()
  })
})
