// One question over UDP to a port of this machine, as a plain client sends it.
import dgram from 'node:dgram'

/** Rejects where there is no reply within 30 s. */
export function exchange(port: number, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4')
    const timer = setTimeout(() => end(new Error(`no reply from port ${port} within 5 s`)), 30_000)
    function end(result: Buffer | Error) {
      clearTimeout(timer)
      socket.close()
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    socket.once('error', end)
    socket.connect(port, '127.0.0.1', () => {
      socket.once('message', end)
      socket.send(query)
    })
  })
}
