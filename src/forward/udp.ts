// One question to an upstream over UDP, on a socket of its own: the kernel picks a random port (RFC 5452, 9.2), and
// a connected socket hears only the upstream's address and port.
import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import { systemCode } from '../lib/errors.ts'
import type { Attempt, AttemptResult, Cancel } from './attempt.ts'

/** Addresses are literal, so no resolver is asked (and no worker thread woken) for them. */
const literal: dgram.SocketOptions['lookup'] = (host, _options, callback) =>
  callback(null, host, isIPv6(host) ? 6 : 4)

export function askUdp({ upstream, message, accepts, done, spoofed }: Attempt): Cancel {
  const socket = dgram.createSocket({ type: isIPv6(upstream.host) ? 'udp6' : 'udp4', lookup: literal! })
  let over = false
  const finish = (result?: AttemptResult) => {
    if (over) return
    over = true
    socket.close()
    if (result !== undefined) done(result)
  }
  socket.on('error', (error) => finish({ error: systemCode(error) ?? error.message }))
  socket.on('message', (reply) => {
    if (over) return
    if (accepts(reply)) finish({ reply })
    else spoofed()
  })
  socket.connect(upstream.port, upstream.host, () => {
    if (over) return
    socket.send(message, (error) => {
      if (error != null) finish({ error: systemCode(error) ?? error.message })
    })
  })
  return () => finish()
}
