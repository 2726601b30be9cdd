// UDP to upstreams by Node's own sockets.
import dgram from 'node:dgram'
import { systemCode } from '../lib/errors.ts'
import { familyOf } from '../lib/ip.ts'
import type { DialUdp } from './types.ts'

/** Addresses are literal, so no resolver is asked (and no worker thread woken) for them. */
const literal: dgram.SocketOptions['lookup'] = (host, _options, callback) =>
  callback(null, host, familyOf(host))

export const dialPlain: DialUdp = ({ host, port }, { connected, heard, failed }) => {
  const socket = dgram.createSocket({ type: familyOf(host) === 6 ? 'udp6' : 'udp4', lookup: literal! })
  const fail = (error: Error) => failed(systemCode(error) ?? error.message)
  let waiting: Buffer[] | undefined = []
  // A port that can't be bound is reported while `connect` is still running.
  socket.on('error', (error) => process.nextTick(fail, error))
  socket.on('message', heard)
  socket.on('connect', () => {
    const ready = waiting ?? []
    waiting = undefined
    connected()
    for (const message of ready) send(message)
  })
  socket.connect(port, host)
  socket.unref()

  function send(message: Buffer): void {
    if (waiting !== undefined) waiting.push(message)
    else {
      socket.send(message, (error) => {
        if (error != null) fail(error)
      })
    }
  }
  return { isConnected: false, send, close: () => socket.close() }
}
