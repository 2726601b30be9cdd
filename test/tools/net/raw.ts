// Datagrams that no UDP socket can send, by a raw one: only for root.
import koffi from 'koffi'

const AF_INET = 2
const SOCK_RAW = 3
const IPPROTO_UDP = 17

/** Sends one over loopback, from and to these ports; without checksum, which IPv4 allows. */
export function sendRaw(from: number, to: number, payload: Buffer): void {
  const library = koffi.load(null)
  const socket = library.func('int socket(int, int, int)')
  const sendto = library.func('intptr_t sendto(int, void *, size_t, int, void *, unsigned int)')
  const close = library.func('int close(int)')
  const fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP)
  if (fd < 0) throw new Error(`no raw socket: error ${koffi.errno()}`)
  const header = Buffer.alloc(8)
  header.writeUInt16BE(from, 0)
  header.writeUInt16BE(to, 2)
  header.writeUInt16BE(8 + payload.length, 4)
  const address = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  const sent = sendto(fd, Buffer.concat([header, payload]), 8 + payload.length, 0, address, address.length)
  close(fd)
  if (sent < 0) throw new Error(`nothing was sent: error ${koffi.errno()}`)
}
