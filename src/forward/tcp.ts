// One question to an upstream over TCP: two bytes of length before each message (RFC 1035, 4.2.2).
import net from 'node:net'
import { frame, readFrames } from '../dns/frame.ts'
import { systemCode } from '../lib/errors.ts'
import type { Attempt, AttemptResult, Cancel } from './attempt.ts'

export function askTcp({ upstream, message, accepts, done, spoofed }: Attempt): Cancel {
  const socket = net.connect({ host: upstream.host, port: upstream.port, noDelay: true })
  let over = false
  const finish = (result?: AttemptResult) => {
    if (over) return
    over = true
    socket.destroy()
    if (result !== undefined) done(result)
  }
  const frames = readFrames()
  socket.on('connect', () => socket.write(frame(message)))
  socket.on('data', (chunk) => {
    for (const reply of frames.push(chunk)) {
      if (over) return
      if (accepts(reply)) finish({ reply })
      else spoofed()
    }
  })
  socket.on('error', (error) => finish({ error: systemCode(error) ?? error.message }))
  socket.on('close', () => finish({ error: 'closed before the reply' }))
  return () => finish()
}
