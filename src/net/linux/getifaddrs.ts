// Lists the interfaces as os.networkInterfaces does, by getifaddrs(3) on a thread of libuv's pool: a worker thread takes
// 8 MB. 64-bit Linux.
import { isDeepStrictEqual } from 'node:util'
import type { InterfaceInfo, InterfaceList } from '../../lib/interfaces.ts'
import { formatAddress } from '../../lib/ip.ts'
import type { Libc, Memory } from './libc.ts'

/** struct ifaddrs: offsets of the next one, the name, the flags, the address and its mask; its size. */
const [nextAt, nameAt, flagsAt, addressAt, maskAt] = [0, 8, 16, 24, 32]
const recordBytes = 40
const IFF_UP = 0x1
const IFF_RUNNING = 0x40
const AF_INET = 2
const AF_INET6 = 10

/**
 * To be asked once at a time, for addresses of one family alone or of both: the same object as long as it is the same list.
 * Rejects where the system has no list for us (too many files are open).
 */
export function createInterfaceCalls(
  libc: Pick<Libc, 'withInterfaces'>,
): (only?: 'IPv4') => Promise<InterfaceList> {
  let latest: InterfaceList = {}
  return async (only) => {
    const list = await libc.withInterfaces((first, memory) => readList(first, memory, only))
    if (!isDeepStrictEqual(list, latest)) latest = list
    return latest
  }
}

function readList(first: bigint, memory: Memory, only: 'IPv4' | undefined): InterfaceList {
  // An interface may be called "constructor".
  const list: Record<string, InterfaceInfo[]> = Object.create(null)
  for (let at = first; at !== 0n; ) {
    const record = memory.bytes(at, recordBytes)
    at = record.readBigUInt64LE(nextAt)
    const flags = record.readUInt32LE(flagsAt)
    const address = record.readBigUInt64LE(addressAt)
    if ((flags & IFF_UP) === 0 || (flags & IFF_RUNNING) === 0 || address === 0n) continue
    const info = readInfo(address, record.readBigUInt64LE(maskAt), memory)
    if (info === undefined || (only !== undefined && info.family !== only)) continue
    const name = memory.text(record.readBigUInt64LE(nameAt))
    list[name] ??= []
    list[name].push(info)
  }
  return list
}

/** Of a struct sockaddr_in or sockaddr_in6; undefined: of another family, such as a link's own. */
function readInfo(address: bigint, mask: bigint, memory: Memory): InterfaceInfo | undefined {
  const family = memory.bytes(address, 2).readUInt16LE(0)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  const isV6 = family === AF_INET6
  const [from, to] = isV6 ? [8, 24] : [4, 8]
  const bytes = memory.bytes(address, isV6 ? 28 : 8)
  const text = formatAddress(bytes.subarray(from, to))
  const prefix = mask === 0n ? (to - from) * 8 : countOnes(memory.bytes(mask, to).subarray(from))
  const cidr = `${text}/${prefix}`
  if (!isV6) return { address: text, family: 'IPv4', cidr }
  return { address: text, family: 'IPv6', cidr, scopeid: bytes.readUInt32LE(24) }
}

function countOnes(mask: Buffer): number {
  let ones = 0
  for (const byte of mask) for (let bits = byte; bits !== 0; bits &= bits - 1) ones++
  return ones
}
