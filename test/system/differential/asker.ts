// Many questions to one server: over one UDP socket and one kept TCP connection, each asked again where no reply comes.
import { createSocket } from 'node:dgram'
import net from 'node:net'
import { frame, readFrames } from '../../../src/dns/frame.ts'
import { idOf } from '../../../src/dns/header.ts'
import { type AskOptions, encodeAsked } from '../../tools/servers/client.ts'

export interface Asker {
  /** The reply's bytes; rejects where none came to four tries. */
  ask(name: string, type: string, options: AskOptions): Promise<Buffer>
  close(): void
}

const patience = 2000
const tries = 4

/** `port` on 127.0.0.1. */
export function createAsker(port: number): Asker {
  const waiting = new Map<number, (reply: Buffer) => void>()
  const take = (reply: Buffer) => waiting.get(idOf(reply))?.(reply)
  const udp = createSocket('udp4')
  udp.on('message', take)
  udp.on('error', () => {})
  let tcp: net.Socket | undefined
  let id = 0

  /** A new one where the server has closed the last one. */
  function connection(): net.Socket {
    if (tcp !== undefined && !tcp.destroyed && tcp.writable) return tcp
    const socket = net.connect(port, '127.0.0.1')
    const frames = readFrames()
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('data', (chunk) => {
      for (const reply of frames.push(chunk)) take(reply)
    })
    tcp = socket
    return socket
  }

  function once(query: Buffer, overTcp: boolean): Promise<Buffer | undefined> {
    id = (id + 1) & 0xffff
    const own = id
    query.writeUInt16BE(own, 0)
    return new Promise((resolve) => {
      const settle = (reply?: Buffer) => {
        clearTimeout(timer)
        waiting.delete(own)
        resolve(reply)
      }
      const timer = setTimeout(settle, patience)
      waiting.set(own, settle)
      if (overTcp) connection().write(frame(query))
      else udp.send(query, port, '127.0.0.1')
    })
  }

  return {
    async ask(name, type, options) {
      const query = encodeAsked(name, type, options)
      for (let n = 0; n < tries; n++) {
        const reply = await once(query, options.tcp === true)
        if (reply !== undefined) return reply
      }
      throw new Error(`no reply from port ${port} to ${name} ${type} ${JSON.stringify(options)}`)
    },
    close() {
      udp.close()
      tcp?.destroy()
    },
  }
}
