// Asks berth from a network namespace that has the addresses of many containers: at a steady rate, with every answer
// checked. A process of its own, called by scene.ts.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { rcodeName, rcodeOf } from '../../../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../../../src/dns/message.ts'
import { serveCalls } from '../forward/calls.ts'

/** asker, name, and the addresses it is expected to be, sorted; none: NXDOMAIN. */
export type Question = readonly [asker: string, name: string, expected: readonly string[]]

export interface Asked {
  readonly server: string
  readonly questions: readonly Question[]
  /** Questions a second. */
  readonly rate: number
  /** How many in all: the list again and again. */
  readonly count: number
}

export interface Outcome {
  readonly answered: number
  /** Without a reply for 5 s. */
  readonly lost: number
  readonly wrong: number
  /** What was wrong, the first few of it. */
  readonly examples: readonly string[]
  /** ms, sorted. */
  readonly times: readonly number[]
}

/** As glibc has it, ms. */
const patience = 5000
const sockets = new Map<string, Promise<Line>>()

interface Line {
  readonly socket: Socket
  readonly waiting: Map<number, (reply: Buffer) => void>
  lastId: number
}

function lineFrom(asker: string, server: string): Promise<Line> {
  let line = sockets.get(asker)
  if (line === undefined) {
    line = open(asker, server)
    sockets.set(asker, line)
  }
  return line
}

async function open(asker: string, server: string): Promise<Line> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const waiting = new Map<number, (reply: Buffer) => void>()
  socket.on('error', () => {})
  socket.on('message', (reply) => waiting.get(reply.readUInt16BE(0))?.(reply))
  socket.bind(0, asker)
  await once(socket, 'listening')
  socket.connect(53, server)
  await once(socket, 'connect')
  return { socket, waiting, lastId: 0 }
}

function tell(reply: Buffer): string {
  const rcode = rcodeName(rcodeOf(reply))
  if (rcode !== 'NOERROR') return rcode
  const addresses = readMessage(reply).answers.filter(({ type }) => type === 'A')
  return addresses
    .map(({ data }) => data)
    .sort()
    .join(' ')
}

async function ask({ server, questions, rate, count }: Asked): Promise<Outcome> {
  const lines = await Promise.all(questions.map(([asker]) => lineFrom(asker, server)))
  const packets = questions.map(([, name]) => encodeQuery(name, 'A', { id: 0, edns: 1232 }))
  const times: number[] = []
  const examples: string[] = []
  let lost = 0
  let wrong = 0

  function one(which: number): Promise<void> {
    const line = lines[which]!
    const [asker, name, expected] = questions[which]!
    line.lastId = (line.lastId + 1) & 0xffff
    const id = line.lastId
    const query = packets[which]!
    query.writeUInt16BE(id, 0)
    return new Promise((resolve) => {
      const sent = performance.now()
      const end = () => {
        clearTimeout(timer)
        line.waiting.delete(id)
        resolve()
      }
      const timer = setTimeout(() => {
        lost++
        end()
      }, patience)
      line.waiting.set(id, (reply) => {
        times.push(performance.now() - sent)
        const told = tell(reply)
        if (told !== (expected.join(' ') || 'NXDOMAIN')) {
          wrong++
          if (examples.length < 5) examples.push(`${name} for ${asker}: ${told}, not ${expected}`)
        }
        end()
      })
      line.socket.send(query)
    })
  }

  const begun = performance.now()
  const open: Promise<void>[] = []
  while (open.length < count) {
    const due = Math.min(count, ((performance.now() - begun) / 1000) * rate)
    while (open.length < due) open.push(one(open.length % questions.length))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(open)
  times.sort((a, b) => a - b)
  return { answered: times.length, lost, wrong, examples, times }
}

const actions = { ask, scrape: async (url: string) => (await fetch(url)).text() }
export type AskerActions = typeof actions

serveCalls(actions)
