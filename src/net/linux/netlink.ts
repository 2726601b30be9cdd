// What the kernel tells by itself of this network namespace's addresses and links (rtnetlink(7)): whoever hears nothing
// need not read through its tables to know that nothing has changed.
import { constants } from 'node:os'
import type { LinkWatch } from './bridge-ports.ts'
import type { Libc } from './libc.ts'
import type { NetlinkSignal } from './netlink-signal.ts'

/** The most that has happened: to a link (its carrier, a bridge's port and what address it has), or to an address. */
export type Heard = 'nothing' | 'links' | 'addresses'

const { EAGAIN, EINTR } = constants.errno
/** More than one notification has. */
const bufferBytes = 16 * 1024
/** struct nlmsghdr: bytes in all, type, and 10 bytes more. */
const headerBytes = 16
/** What we asked for ourselves is acknowledged so. */
const NLMSG_ERROR = 2
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
/** struct ifaddrmsg: family, prefix length, flags and scope, a byte each, and the link's number. */
const addressBytes = 8
/** Of addresses that hold on one link alone (rtnetlink(7)). */
const RT_SCOPE_LINK = 253

/**
 * Gives what has happened since it was called last; undefined where the kernel can't be heard. `watch` has the links'
 * messages while it is called. `signal`: tells when there is something to hear.
 */
export function hearKernel(
  libc: Pick<Libc, 'openNetlink' | 'read'>,
  watch?: LinkWatch,
  signal?: NetlinkSignal,
): (() => Heard) | undefined {
  let fd: number
  try {
    fd = libc.openNetlink(true)
  } catch {
    return undefined
  }
  const buffer = Buffer.alloc(bufferBytes)
  signal?.start(fd)
  return () => {
    signal?.arm()
    let heard: Heard = 'nothing'
    for (;;) {
      const bytes = libc.read(fd, buffer)
      if (bytes === -EAGAIN) return heard
      if (bytes === -EINTR) continue
      // ENOBUFS: more was told than there was room for. Whatever else it is, to know nothing is to look.
      if (bytes <= 0) {
        watch?.lost()
        return 'addresses'
      }
      heard = most(heard, buffer.subarray(0, bytes), watch)
    }
  }
}

function most(before: Heard, datagram: Buffer, watch: LinkWatch | undefined): Heard {
  if (datagram.length >= headerBytes && datagram.readUInt16LE(4) === NLMSG_ERROR) return before
  let heard: Heard = before === 'addresses' ? before : 'links'
  let at = 0
  while (at + headerBytes <= datagram.length) {
    const type = datagram.readUInt16LE(at + 4)
    if (type === RTM_NEWADDR || type === RTM_DELADDR) {
      if (!isOfPort(datagram, at + headerBytes, watch)) heard = 'addresses'
    } else if (type === RTM_NEWLINK || type === RTM_DELLINK) watch?.link(datagram, at)
    // Messages begin at multiples of four.
    at += Math.max(headerBytes, (datagram.readUInt32LE(at) + 3) & ~3)
  }
  return heard
}

/** A bridge's port has an address that nobody can ask: each container comes and goes with one. */
function isOfPort(datagram: Buffer, at: number, watch: LinkWatch | undefined): boolean {
  if (watch === undefined || at + addressBytes > datagram.length) return false
  return datagram[at + 3] === RT_SCOPE_LINK && watch.isPort(datagram.readUInt32LE(at + 4))
}
