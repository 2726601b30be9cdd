// Links whose own link-local addresses nobody can ask: ports of a bridge and their like. All that comes there is the
// bridge's, which has addresses of its own; a veth of each container is such a port.
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { LocalAddress } from '../../lib/interfaces.ts'
import type { Libc } from './libc.ts'

/** Links by their numbers. */
export interface Ports {
  /** Those among the links that have these addresses, and maybe others; the same object as long as nothing changed. */
  among(local: readonly LocalAddress[]): ReadonlySet<number>
  /** Looks at what may have been missed, or at all of them. Never rejects: what was known last holds. */
  renew(all: boolean): Promise<void>
  /** Whether nothing can have been missed since they were looked at. */
  isSure(): boolean
}

/** To be told of what the kernel says by itself. */
export interface LinkWatch {
  /** A message of a link, its header at `at`. */
  link(datagram: Buffer, at: number): void
  /** There was more than has been heard. */
  lost(): void
  isPort(number: number): boolean
}

const { EINTR } = constants.errno
const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_REQUEST = 0x1
const NLM_F_DUMP_INTR = 0x10
const NLM_F_DUMP = 0x300
const AF_UNSPEC = 0
const IFLA_LINKINFO = 18
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_EXT_MASK = 29
const RTEXT_FILTER_SKIP_STATS = 8
/** struct nlmsghdr, struct ifinfomsg, struct rtattr. */
const headerBytes = 16
const infoBytes = 16
const attributeBytes = 4
/** Of a part of the kernel's list: 32 KiB at the most, as it makes them for whoever reads with so much room. */
const partBytes = 64 * 1024

/**
 * What takes all that comes to its links. Others leave a link its own addresses: whoever is on the link of a VRF can ask
 * there, and on batman-adv's and HSR's with plain frames.
 */
const takers: ReadonlySet<string> = new Set(['bridge', 'openvswitch', 'bond', 'team'])

/** As the kernel tells it: all links when asked, and each change by itself. */
export function createKernelPorts(
  libc: Pick<Libc, 'openNetlink' | 'readLater' | 'writeLater' | 'close'>,
): Ports & LinkWatch {
  let ports: ReadonlySet<number> = new Set()
  let isSure = false
  /** What was heard of while the list was on its way is newer than it. */
  let heard: Set<number> | undefined

  function link(datagram: Buffer, at: number): void {
    const told = readLink(datagram, at)
    if (told === undefined) return
    heard?.add(told.number)
    if (ports.has(told.number) === told.isPort) return
    const next = new Set(ports)
    if (told.isPort) next.add(told.number)
    else next.delete(told.number)
    ports = next
  }

  function take(listed: ReadonlySet<number>): void {
    const next = new Set([...listed].filter((number) => !heard!.has(number)))
    for (const number of heard!) if (ports.has(number)) next.add(number)
    if (next.size !== ports.size || [...next].some((number) => !ports.has(number))) ports = next
  }

  return {
    link,
    lost() {
      isSure = false
    },
    isPort: (number) => ports.has(number),
    isSure: () => isSure,
    among: () => ports,
    async renew(all) {
      if (isSure && !all) return
      isSure = true
      heard = new Set()
      const listed = await listPorts(libc).catch(() => undefined)
      if (listed === undefined) isSure = false
      else {
        take(listed.ports)
        isSure &&= listed.isWhole
      }
      heard = undefined
    },
  }
}

/** Whether a link is a port, of a message that tells so; a bridge's own word of its ports comes in another family. */
function readLink(datagram: Buffer, at: number): { number: number; isPort: boolean } | undefined {
  const type = datagram.readUInt16LE(at + 4)
  const end = Math.min(datagram.length, at + datagram.readUInt32LE(at))
  if (end < at + headerBytes + infoBytes || datagram[at + headerBytes] !== AF_UNSPEC) return undefined
  const number = datagram.readInt32LE(at + headerBytes + 4)
  if (type === RTM_DELLINK) return { number, isPort: false }
  if (type !== RTM_NEWLINK) return undefined
  const info = findAttribute(datagram.subarray(at + headerBytes + infoBytes, end), IFLA_LINKINFO)
  const kind = info && findAttribute(info, IFLA_INFO_SLAVE_KIND)
  return { number, isPort: kind !== undefined && takers.has(kind.toString('latin1').replace(/\0.*$/s, '')) }
}

function findAttribute(attributes: Buffer, wanted: number): Buffer | undefined {
  let at = 0
  while (at + attributeBytes <= attributes.length) {
    const bytes = attributes.readUInt16LE(at)
    // The highest bits are flags.
    if ((attributes.readUInt16LE(at + 2) & 0x3fff) === wanted)
      return attributes.subarray(at + attributeBytes, at + bytes)
    at += Math.max(attributeBytes, (bytes + 3) & ~3)
  }
  return undefined
}

/**
 * The kernel's list of all links, read on another thread: the lock on network namespaces (rtnl) may be held for long.
 * Rejects where it can't be had.
 */
async function listPorts(
  libc: Pick<Libc, 'openNetlink' | 'readLater' | 'writeLater' | 'close'>,
): Promise<{ ports: Set<number>; isWhole: boolean }> {
  const fd = libc.openNetlink(false)
  try {
    const ports = new Set<number>()
    let isWhole = true
    if ((await libc.writeLater(fd, question())) < 0) throw new Error('links can not be asked for')
    const buffer = Buffer.alloc(partBytes)
    for (;;) {
      const bytes = await libc.readLater(fd, buffer)
      if (bytes === -EINTR) continue
      if (bytes < headerBytes) throw new Error('links can not be read')
      const part = buffer.subarray(0, bytes)
      for (
        let at = 0;
        at + headerBytes <= bytes;
        at += Math.max(headerBytes, (part.readUInt32LE(at) + 3) & ~3)
      ) {
        const type = part.readUInt16LE(at + 4)
        if ((part.readUInt16LE(at + 6) & NLM_F_DUMP_INTR) !== 0) isWhole = false
        if (type === NLMSG_ERROR) throw new Error('links are not told')
        if (type === NLMSG_DONE) return { ports, isWhole }
        const link = readLink(part, at)
        if (link?.isPort) ports.add(link.number)
      }
    }
  } finally {
    libc.close(fd)
  }
}

/** RTM_GETLINK for all links, without their counters. */
function question(): Buffer {
  const message = Buffer.alloc(headerBytes + infoBytes + attributeBytes + 4)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(RTM_GETLINK, 4)
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6)
  message.writeUInt16LE(attributeBytes + 4, headerBytes + infoBytes)
  message.writeUInt16LE(IFLA_EXT_MASK, headerBytes + infoBytes + 2)
  message.writeUInt32LE(RTEXT_FILTER_SKIP_STATS, headerBytes + infoBytes + attributeBytes)
  return message
}

export interface LinkFiles {
  exists(path: string): boolean
  /** Throws where there is none. */
  read(path: string): string
}

const systemFiles: LinkFiles = { exists: existsSync, read: (path) => readFileSync(path, 'latin1') }

/** What a link has in /sys/class/net that hands all that comes to another. */
const portFiles = ['brport', 'bonding_slave', 'upper_ovs-system']

/** As /sys tells it, where the kernel can't be heard. Elsewhere than on Linux, and where /sys is not there, no link is one. */
export function createSysPorts({ exists, read }: LinkFiles = systemFiles): Ports {
  let seen = new Map<number, boolean>()
  let ports: ReadonlySet<number> = new Set()

  function isPort(name: string, zone: number): boolean {
    const folder = `/sys/class/net/${name}`
    if (!portFiles.some((file) => exists(`${folder}/${file}`))) return false
    try {
      // It may be another network namespace's /sys.
      return Number(read(`${folder}/ifindex`)) === zone
    } catch {
      return false
    }
  }

  return {
    among(local) {
      for (const { interface: name, zone } of local) {
        if (zone !== 0 && !seen.has(zone)) seen.set(zone, isPort(name, zone))
      }
      const now = [...seen].flatMap(([zone, isOne]) => (isOne ? zone : []))
      if (now.length !== ports.size || now.some((zone) => !ports.has(zone))) ports = new Set(now)
      return ports
    },
    async renew() {
      seen = new Map()
    },
    isSure: () => true,
  }
}
