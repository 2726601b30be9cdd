// Asks from where it runs, a container's network namespace, and measures. As glibc does by default, it asks again
// after 5 s without a reply and gives up after 10 s.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rcodeName, rcodeOf } from '../../../../src/dns/header.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { serveCalls } from './calls.ts'

export interface Resolver {
  readonly host: string
  readonly port: number
}

export interface Timed {
  readonly ms: number
  /** NONE: no reply in 10 s. */
  readonly rcode: string
}

/** One after the other, as many as there are, until the time is up (s). */
export interface Sequence {
  readonly resolver: Resolver
  readonly names: readonly string[]
  readonly within: number
}

/** Many at a time. */
export interface Burst {
  readonly resolver: Resolver
  readonly names: readonly string[]
  readonly atOnce: number
}

/** In turns, one name of each list after the other: whatever disturbs one disturbs all. */
export interface Turns {
  readonly lists: readonly { readonly resolver: Resolver; readonly names: readonly string[] }[]
}

/** For each of two tries, ms. */
const patience = 5000

type Ask = (name: string) => Promise<Timed>

async function openLine({ host, port }: Resolver): Promise<Ask> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  const waiting = new Map<number, (reply: Buffer) => void>()
  socket.on('error', () => {})
  socket.on('message', (reply) => waiting.get(reply.readUInt16BE(0))?.(reply))
  socket.connect(port, host)
  await once(socket, 'connect')
  let last = 0
  return (name) => {
    last = (last + 1) & 0xffff
    const id = last
    const query = encodeQuery(name, 'A', { id, edns: 1232 })
    return new Promise((resolve) => {
      const started = performance.now()
      const settle = (rcode: string) => {
        clearTimeout(timer)
        waiting.delete(id)
        resolve({ ms: performance.now() - started, rcode })
      }
      let timer = setTimeout(() => {
        socket.send(query)
        timer = setTimeout(settle, patience, 'NONE')
      }, patience)
      waiting.set(id, (reply) => settle(rcodeName(rcodeOf(reply))))
      socket.send(query)
    })
  }
}

const lines = new Map<string, Promise<Ask>>()

function lineTo(resolver: Resolver): Promise<Ask> {
  const key = `${resolver.host} ${resolver.port}`
  const line = lines.get(key) ?? openLine(resolver)
  lines.set(key, line)
  return line
}

serveCalls({
  async sequence({ resolver, names, within }: Sequence): Promise<Timed[]> {
    const ask = await lineTo(resolver)
    const end = performance.now() + within * 1000
    const times: Timed[] = []
    for (const name of names) {
      if (performance.now() > end) break
      times.push(await ask(name))
    }
    return times
  },
  async burst({ resolver, names, atOnce }: Burst): Promise<Timed[]> {
    const ask = await lineTo(resolver)
    const times: Timed[] = []
    let next = 0
    const work = async () => {
      while (next < names.length) times.push(await ask(names[next++]!))
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    return times
  },
  async turns({ lists }: Turns): Promise<Timed[][]> {
    const own = await Promise.all(lists.map(({ resolver }) => lineTo(resolver)))
    const times: Timed[][] = lists.map(() => [])
    for (let n = 0; n < lists[0]!.names.length; n++) {
      for (const [i, { names }] of lists.entries()) times[i]!.push(await own[i]!(names[n]!))
    }
    return times
  },
})
