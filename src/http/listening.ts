// A server's start as a promise: settled once it listens, or can't.
import type { Server } from 'node:net'

/** `begin` calls the server's listen. */
export function listening(server: Server, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      server.off('error', settle).off('listening', settle)
      if (error === undefined) resolve()
      else reject(error)
    }
    server.on('error', settle).on('listening', settle)
    begin()
  })
}
