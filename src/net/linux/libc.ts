// System calls that Node lacks, through the optional package koffi (this is its only importer). 64-bit little-endian Linux.
//
// Why net/linux goes past node:dgram: Node reads and sends one datagram for a system call, allocates 64 KiB for each it
// reads, and can't set SO_REUSEPORT before 22.12. recvmmsg and sendmmsg handle 64 in one call; waiting by epoll took an
// answer from 27 to 23 µs at 20,000 a second (docs/bench.md). Everything works without it, one datagram at a time.
import { constants, endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { explain } from '../../lib/errors.ts'
import { familyOf, parseAddress } from '../../lib/ip.ts'
import type { Bindable } from '../listener.ts'

export interface Libc {
  /**
   * A bound, non-blocking socket. Throws an error with the system's code. `shared`: other sockets of the same user at this
   * address that say the same get a part of what comes (SO_REUSEPORT).
   */
  bind(at: Bindable, options: BindOptions): number
  /**
   * A non-blocking socket that is connected to this address; for TCP, one that is connecting.
   * Throws as `bind` does.
   */
  connect(to: Bindable, kind?: 'udp' | 'tcp'): number
  /** Clears SO_REUSEADDR: no other socket may bind the address. */
  keepExclusive(fd: number): void
  close(fd: number): void
  /** recvmmsg and sendmmsg, never waiting: how many went through, or minus the error's number. */
  receive(fd: number, headers: number, count: number): number
  send(fd: number, headers: number, count: number): number
  /**
   * A non-blocking socket on which the kernel tells of changes to addresses and links of this network namespace (struct
   * nlmsghdr), or, where it is not for hearing, of what it is asked for. Throws as `bind` does.
   */
  openNetlink(isHearing: boolean): number
  /** Whether this process is sent SIGIO when there is something to read (O_ASYNC). False: that could not be changed. */
  sendSignals(fd: number, isWanted: boolean): boolean
  /** Returns the bytes read, or minus the error's number. */
  read(fd: number, buffer: Uint8Array): number
  /** On another thread, for calls that may block: the bytes, or -1. */
  readLater(fd: number, buffer: Uint8Array): Promise<number>
  writeLater(fd: number, bytes: Uint8Array): Promise<number>
  /** epoll_create1: a set of descriptors to wait for together. */
  createPoll(): number
  /** Adds a descriptor to the set; `wait` reports it by this number. false: that failed. */
  watch(poll: number, fd: number, number: number): boolean
  unwatch(poll: number, fd: number): void
  /**
   * epoll_wait: until something has come for one of them, or so many ms have passed. How many of `events` are written, 0
   * where the time is up, or minus the error's number.
   */
  wait(poll: number, events: number, count: number, ms: number): number
  /** Readable once the event loop has something to do; -1, which epoll refuses: not known on this Node. */
  readonly loopDescriptor: number
  /** A buffer's address; keep the buffer referenced while that is used. */
  addressOf(buffer: Uint8Array): number
  /**
   * getifaddrs, on a thread of libuv's: the first struct ifaddrs of the list, which `read` gets at, and which is gone once
   * it returns. Rejects where the system has no list for us.
   */
  withInterfaces<T>(read: (first: bigint, memory: Memory) => T): Promise<T>
  /** Returns free memory to the system, in a millisecond or two; glibc keeps it, other libraries have no such call. */
  trim(): void
  /** "eth0" for an interface's number; undefined where there is none. */
  interfaceName(index: number): string | undefined
}

/** What lies at an address of this process: bytes, and a text with a zero at its end. */
export interface Memory {
  bytes(at: bigint, length: number): Buffer
  text(at: bigint): string
}

export interface BindOptions {
  readonly kind: 'udp' | 'tcp'
  /** Bytes; the system's where it is not told. */
  readonly receiveBuffer?: number
  readonly shared: boolean
}

const { EINPROGRESS } = constants.errno

/** struct sockaddr_in6; sockaddr_in is the first 16 bytes of its room. */
export const sockaddrBytes = 28

/** These hold on x86-64 and ARM64, whichever C library: others are not offered. */
const architectures: readonly string[] = ['x64', 'arm64']
const AF_INET = 2
const AF_NETLINK = 16
export const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const O_NONBLOCK = 0o4000
const O_ASYNC = 0o20000
const F_SETFL = 4
const F_SETOWN = 8
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const MSG_DONTWAIT = 0x40
const NETLINK_ROUTE = 0
const RTMGRP_LINK = 0x1
const RTMGRP_IPV4_IFADDR = 0x10
const RTMGRP_IPV6_IFADDR = 0x100
const EPOLL_CLOEXEC = 0o2000000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLLIN = 1

/** struct epoll_event in 32-bit words, and where in it the number is: without a gap on x86-64. */
export const pollEventWords = process.arch === 'x64' ? 3 : 4
export const pollNumberAt = pollEventWords - 2

/** Rejects if this is another system, or koffi is not installed for it. */
export async function loadLibc(): Promise<Libc> {
  if (process.platform !== 'linux' || !architectures.includes(process.arch) || endianness() !== 'LE') {
    throw new Error(`not offered on ${process.platform} ${process.arch}`)
  }
  const { default: koffi } = await import('koffi').catch((error: unknown) => {
    // Node appends the import stack, a line for each file.
    throw new Error(explain(error).split('\n', 1)[0])
  })
  // The process itself: glibc or musl, whichever Node runs with.
  const library = koffi.load(null)
  const socket = library.func('int socket(int, int, int)')
  const bind = library.func('int bind(int, void *, unsigned int)')
  const connect = library.func('int connect(int, void *, unsigned int)')
  const close = library.func('int close(int)')
  const read = library.func('intptr_t read(int, void *, size_t)')
  const write = library.func('intptr_t write(int, void *, size_t)')
  // Its third argument lies where one of a function with a fixed number has it, on both architectures.
  const fcntl = library.func('int fcntl(int, int, intptr_t)')
  const setsockopt = library.func('int setsockopt(int, int, int, void *, unsigned int)')
  const recvmmsg = library.func('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)')
  const sendmmsg = library.func('int sendmmsg(int, uintptr_t, unsigned int, int)')
  const epollCreate = library.func('int epoll_create1(int)')
  const epollControl = library.func('int epoll_ctl(int, int, int, void *)')
  const epollWait = library.func('int epoll_wait(int, uintptr_t, int, int)')
  const getifaddrs = library.func('int getifaddrs(void *)')
  const freeifaddrs = library.func('void freeifaddrs(uintptr_t)')
  const nameToIndex = library.func('unsigned int if_nametoindex(const char *)')
  const indexToName = library.func('void *if_indextoname(unsigned int, void *)')

  const check = (result: number, call: string, about = ''): number => {
    if (result >= 0) return result
    throw systemError(koffi.errno(), call, about)
  }
  const setOption = (fd: number, level: number, option: number, value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return setsockopt(fd, level, option, bytes, 4) as number
  }

  const openFor = (family: number, type: number, protocol = 0): number =>
    check(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), 'socket')
  const open = (isV6: boolean, type: number) => openFor(isV6 ? AF_INET6 : AF_INET, type)
  /** Gives the socket, closed again where `prepare` throws. */
  const prepared = (fd: number, prepare: (fd: number) => void): number => {
    try {
      prepare(fd)
      return fd
    } catch (error) {
      close(fd)
      throw error
    }
  }

  const later = (call: { async(...args: unknown[]): void }, ...args: unknown[]) =>
    new Promise<number>((resolve, reject) =>
      call.async(...args, (error: unknown, result: number) => (error ? reject(error) : resolve(result))),
    )

  function sockaddrOf({ host, port }: Bindable): Buffer {
    const [address, zone] = host.split('%', 2) as [string, string?]
    const bytes = Buffer.from(writeSockaddr(address).buffer)
    bytes.writeUInt16BE(port, 2)
    if (zone !== undefined) {
      // An interface's name may be a number.
      const index = (nameToIndex(zone) as number) || (/^\d{1,9}$/.test(zone) ? Number(zone) : 0)
      bytes.writeUInt32LE(index, 24)
    }
    return bytes
  }

  const memory: Memory = {
    bytes: (at, length) => Buffer.from(koffi.view(at, length)),
    text: (at) => koffi.decode(at, 'char', -1) as string,
  }

  return {
    bind(at, { kind, receiveBuffer, shared }) {
      const isV6 = familyOf(at.host) === 6
      return prepared(open(isV6, kind === 'udp' ? SOCK_DGRAM : SOCK_STREAM), (fd) => {
        if (isV6) check(setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 'setsockopt')
        if (receiveBuffer !== undefined) setOption(fd, SOL_SOCKET, SO_RCVBUF, receiveBuffer)
        // Connections in TIME_WAIT do not prevent binding.
        if (kind === 'tcp') setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        if (shared) check(setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1), 'setsockopt')
        const sockaddr = sockaddrOf(at)
        check(bind(fd, sockaddr, sockaddr.length), 'bind', ` ${at.host}:${at.port}`)
      })
    },
    connect: (to, kind = 'udp') =>
      prepared(open(familyOf(to.host) === 6, kind === 'udp' ? SOCK_DGRAM : SOCK_STREAM), (fd) => {
        const sockaddr = sockaddrOf(to)
        const result = connect(fd, sockaddr, sockaddr.length)
        if (kind === 'tcp' && result < 0 && koffi.errno() === EINPROGRESS) return
        check(result, 'connect', ` ${to.host}:${to.port}`)
      }),
    keepExclusive: (fd) => void setOption(fd, SOL_SOCKET, SO_REUSEADDR, 0),
    close: (fd) => void close(fd),
    receive(fd, headers, count) {
      const result: number = recvmmsg(fd, headers, count, MSG_DONTWAIT, 0)
      return result < 0 ? -koffi.errno() : result
    },
    send(fd, headers, count) {
      const result: number = sendmmsg(fd, headers, count, MSG_DONTWAIT)
      return result < 0 ? -koffi.errno() : result
    },
    openNetlink: (isHearing) =>
      prepared(openFor(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), (fd) => {
        // struct sockaddr_nl: family, a gap, a port that the kernel chooses, groups.
        const groups = isHearing ? RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR : 0
        check(bind(fd, new Uint32Array([AF_NETLINK, 0, groups]), 12), 'bind')
      }),
    sendSignals(fd, isWanted) {
      if (isWanted && fcntl(fd, F_SETOWN, process.pid) < 0) return false
      return fcntl(fd, F_SETFL, O_NONBLOCK | (isWanted ? O_ASYNC : 0)) === 0
    },
    read(fd, buffer) {
      const result: number = read(fd, buffer, buffer.length)
      return result < 0 ? -koffi.errno() : result
    },
    readLater: (fd, buffer) => later(read, fd, buffer, buffer.length),
    writeLater: (fd, bytes) => later(write, fd, bytes, bytes.length),
    createPoll: () => check(epollCreate(EPOLL_CLOEXEC), 'epoll_create1'),
    watch(poll, fd, number) {
      const event = new Uint32Array(pollEventWords)
      event[0] = EPOLLIN
      event[pollNumberAt] = number
      return epollControl(poll, EPOLL_CTL_ADD, fd, event) === 0
    },
    unwatch: (poll, fd) => void epollControl(poll, EPOLL_CTL_DEL, fd, null),
    wait(poll, events, count, ms) {
      const result: number = epollWait(poll, events, count, ms)
      return result < 0 ? -koffi.errno() : result
    },
    loopDescriptor: loopDescriptorOf(library),
    addressOf: (buffer) => Number(koffi.address(buffer)),
    withInterfaces: (read) =>
      new Promise((resolve, reject) => {
        const first = new BigUint64Array(1)
        getifaddrs.async(first, (error: unknown, result: number) => {
          if (error || result !== 0) return reject(error || new Error('getifaddrs failed'))
          try {
            resolve(read(first[0]!, memory))
          } catch (thrown) {
            reject(thrown)
          } finally {
            freeifaddrs(first[0]!)
          }
        })
      }),
    trim: trimOf(library),
    interfaceName(index) {
      const name = Buffer.alloc(16)
      if (indexToName(index, name) === null) return undefined
      return name.toString('utf8', 0, name.indexOf(0))
    },
  }
}

function trimOf(library: { func(signature: string): (...args: unknown[]) => unknown }): () => void {
  try {
    const trim = library.func('int malloc_trim(size_t)')
    return () => void trim(0)
  } catch {
    return () => {}
  }
}

/** libuv's, which Node has for packages with native code: of the main thread's loop. */
function loopDescriptorOf(library: { func(signature: string): (...args: unknown[]) => unknown }): number {
  try {
    return library.func('int uv_backend_fd(void *)')(library.func('void *uv_default_loop()')()) as number
  } catch {
    return -1
  }
}

/** A literal address, without zone, as the words of a sockaddr with port 0. */
export function writeSockaddr(address: string): Uint32Array {
  const isV6 = familyOf(address) === 6
  const bytes = Buffer.alloc(isV6 ? sockaddrBytes : 16)
  bytes.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, 0)
  bytes.set(parseAddress(address)!, isV6 ? 8 : 4)
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}

/** An error as Node makes them: "bind EADDRINUSE 127.0.0.1:53", with its code. */
export function systemError(errno: number, call: string, about = ''): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${call} ${code}${about}`), { code, errno: -errno, syscall: call })
}
