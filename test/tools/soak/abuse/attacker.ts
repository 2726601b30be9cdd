// A process that attacks: `attacker.ts JSON`, with an Order; prints how many packets it sent, or acts it did. Its
// addresses are 127.0.9.1 and on, so that it is another asker than the polite one.
import dgram from 'node:dgram'
import net from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { attacks, type TcpAttack, type UdpAttack } from './attacks.ts'

export interface Order {
  readonly attack: string
  readonly host: string
  readonly port: number
  readonly ms: number
  /** null: as fast as it goes; 'answered': as fast as answers come, which measures what can be answered. */
  readonly perSecond: number | 'answered' | null
}

const order = JSON.parse(process.argv[2]!) as Order
const attack = attacks.find(({ name }) => name === order.attack)!
const end = performance.now() + order.ms
const sourceOf = (i: number) => `127.0.9.${1 + (i % attack.sources)}`
let done = 0

/** Waits until the next one is due; false: time is up. */
function pacer(): () => Promise<boolean> {
  const interval = typeof order.perSecond === 'number' ? 1000 / order.perSecond : 0
  let due = performance.now()
  return async () => {
    due += interval
    const wait = due - performance.now()
    if (wait > 1) await sleep(Math.min(wait, end - performance.now()))
    else if (done % 32 === 0) await turn()
    done++
    return performance.now() < end
  }
}

async function flood({ make }: UdpAttack): Promise<void> {
  const sockets = await Promise.all(
    Array.from({ length: attack.sources }, async (_, i) => {
      // Replies are not wanted; the kernel drops what does not fit.
      const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4096 })
      socket.on('error', () => {})
      await new Promise<void>((resolve) => socket.bind(0, sourceOf(i), resolve))
      await new Promise<void>((resolve) => socket.connect(order.port, order.host, resolve))
      return socket
    }),
  )
  const pace = pacer()
  while (await pace()) sockets[done % sockets.length]!.send(make(done), () => {})
  for (const socket of sockets) socket.close()
}

/** Questions that wait for an answer while capacity is measured. */
const atOnce = 200

/** Asks anew with each answer; counts the answers. */
async function measure({ make }: UdpAttack): Promise<void> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  await new Promise<void>((resolve) => socket.bind(0, sourceOf(0), resolve))
  await new Promise<void>((resolve) => socket.connect(order.port, order.host, resolve))
  let n = 0
  const ask = () => socket.send(make(n++), () => {})
  socket.on('error', () => {})
  socket.on('message', () => {
    done++
    ask()
  })
  let lost = 0
  let earlier = 0
  while (performance.now() < end) {
    // What was sent before the last look and is not answered by now is not going to be.
    lost = Math.max(lost, earlier - done)
    earlier = n
    for (let i = n - done - lost; i < atOnce; i++) ask()
    await sleep(500)
  }
  socket.close()
}

async function besiege({ sessions, act }: TcpAttack): Promise<void> {
  const open = new Set<net.Socket>()
  let opened = 0
  const connect = () =>
    new Promise<net.Socket>((resolve, reject) => {
      const localAddress = sourceOf(opened++)
      const socket = net.connect({ host: order.host, port: order.port, localAddress, noDelay: true })
      open.add(socket)
      // What is not read does not let a socket end.
      socket.on('data', () => {})
      socket.on('error', reject)
      socket.once('connect', () => resolve(socket))
      socket.once('close', () => {
        open.delete(socket)
        reject(new Error('closed'))
      })
    })
  const pace = pacer()
  await Promise.race([
    Promise.all(
      Array.from({ length: sessions }, async () => {
        while (performance.now() < end) {
          const ground = { connect, pace, n: done }
          await act(ground).catch(() => sleep(10))
        }
      }),
    ),
    // Whoever waits for the server to close a connection need not.
    sleep(order.ms + 200),
  ])
  for (const socket of open) socket.destroy()
}

if (attack.transport === 'tcp') await besiege(attack)
else await (order.perSecond === 'answered' ? measure : flood)(attack)
process.stdout.write(`${JSON.stringify({ done })}\n`, () => process.exit())
