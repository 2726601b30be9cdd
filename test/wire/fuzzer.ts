// The mutation fuzzer: packets of either side, mutated, against the invariants; what each costs, and what stays behind.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { createBench } from './bench.ts'
import { createRandom, mutate, type Random } from './mutate.ts'
import * as parts from './parts.ts'
import { questionSeeds, replySeeds } from './seeds.ts'
import { asked, type Case, createTarget, type Target } from './target.ts'

export type FuzzSide = 'questions' | 'replies'

export interface FuzzReport {
  readonly packets: number
  readonly perSecond: number
  /** By outcome. */
  readonly outcomes: Readonly<Record<string, number>>
  /** The costliest packet: the least of several measurements of it, ms. */
  readonly worst: { readonly ms: number; readonly bytes: number; readonly hex: string }
  /** Heap after collection, bytes, between warm-up and end. */
  readonly growth: number
}

export interface FuzzOptions {
  readonly side: FuzzSide
  readonly seed: number
  readonly seconds: number
  /** So many packets, however long that takes on a busy machine. */
  readonly least?: number
}

/** No packet may cost more, ms of this thread. */
export const mostMs = 2
/** What the heap may grow by after warm-up, bytes. What is remembered of askers and names has bounds. */
export const mostGrowth = 4 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Rejects with an error that has the seed, the packet in hex as small as it was found to get, and what is wrong. */
export async function fuzz({ side, seed, seconds, least = 0 }: FuzzOptions): Promise<FuzzReport> {
  const random = createRandom(seed)
  const target = createTarget()
  const next = side === 'questions' ? nextQuestion(random) : nextReply(random)
  const outcomes: Record<string, number> = {}
  const worst = { ms: 0, bytes: 0, hex: '' }
  const started = performance.now()
  const warmAt = started + Math.min(10_000, seconds * 250)
  const endAt = started + seconds * 1000
  let heap: number | undefined
  let packets = 0
  for (let now = started; now < endAt || packets < least; now = performance.now()) {
    if (heap === undefined && now >= warmAt) heap = heapNow()
    for (let n = 0; n < 256; n++) {
      const tried = next()
      packets++
      const { outcome, flaws } = look(target, side, tried)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (flaws.length > 0) throw new Error(failure(side, seed, tried, flaws.join(', '), target))
      measure(target, side, tried, worst)
      if (worst.ms > mostMs) worst.ms = await measureAgain(target, side, tried)
      if (worst.ms > mostMs) throw new Error(failure(side, seed, tried, `${worst.ms.toFixed(2)} ms of CPU`))
    }
    // What is not synchronous: the stream's reader, the whole way through the exchange, what a cache makes of it.
    if (side === 'questions') tryStream(random, next, seed)
    else {
      await tryExchange(next(), seed)
      for (let n = 0; n < 32; n++) {
        const tried = next()
        const { flaws } = await target.kept(tried)
        if (flaws.length > 0)
          throw new Error(failure(side, seed, tried, `through the cache: ${flaws.join(', ')}`))
      }
    }
    // What waits for the loop's next turn would look like growth.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const growth = heapNow() - (heap ?? 0)
  if (growth > mostGrowth)
    throw new Error(`seed ${seed}, ${side}: the heap grew by ${growth} bytes after warm-up`)
  return {
    packets,
    perSecond: Math.round((packets * 1000) / (performance.now() - started)),
    outcomes,
    worst,
    growth,
  }
}

function nextQuestion(random: Random): () => Case {
  const seeds = questionSeeds()
  return () => ({
    packet: mutate(random.pick(seeds), random, seeds),
    transport: random.chance(4) ? 'tcp' : 'udp',
    from: random.pick(['web', 'web', 'web', 'host', 'stranger']),
  })
}

function nextReply(random: Random): () => Case {
  const seeds = replySeeds()
  const packets = seeds.map(({ packet }) => packet)
  return () => {
    const { packet, to } = random.pick(seeds)
    const mutated = mutate(packet, random, packets)
    // Most would fall at the first bar; a forger that got this far has ID, flags and question right.
    const { length } = asked[to]!
    if (!random.chance(4) && mutated.length >= length && packet.length >= length)
      packet.copy(mutated, 0, 0, 6)
    if (!random.chance(4) && mutated.length >= 33 && packet.length >= 33) packet.copy(mutated, 12, 12, 33)
    return { packet: mutated, to, transport: random.chance(4) ? 'tcp' : 'udp' }
  }
}

function look(target: Target, side: FuzzSide, tried: Case) {
  try {
    return side === 'questions' ? target.question(tried) : target.reply(tried)
  } catch (error) {
    return { outcome: 'threw', flaws: [`threw ${(error as Error).stack}`] }
  }
}

/**
 * One measurement tells little: the collector may run in it, or another process. A packet that seems to cost more than
 * any before it is measured again, until it has been cheaper or has had its turns.
 */
function measure(
  target: Target,
  side: FuzzSide,
  tried: Case,
  worst: { ms: number; bytes: number; hex: string },
) {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < 25 && least > worst.ms; n++) least = Math.min(least, timeOf(target, side, tried))
  if (least <= worst.ms) return
  worst.ms = least
  worst.bytes = tried.packet.length
  worst.hex = shorten(tried.packet)
}

/** Before it is told: many times, with pauses, so that a busy machine is not taken for a costly packet. */
async function measureAgain(target: Target, side: FuzzSide, tried: Case): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < 300; n++) {
    if (n % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    least = Math.min(least, timeOf(target, side, tried))
  }
  return least
}

/** ms. */
function timeOf(target: Target, side: FuzzSide, tried: Case): number {
  const packet = Buffer.from(tried.packet)
  const before = performance.now()
  target.run(side, { ...tried, packet })
  return performance.now() - before
}

/** What a connection brings, cut anywhere, must come out as the messages that its lengths tell, and nothing be kept. */
function tryStream(random: Random, next: () => Case, seed: number): void {
  const pieces = Array.from({ length: 1 + random.int(6) }, () => {
    const framed = frame(next().packet)
    if (random.chance(10)) framed.writeUInt16BE(random.int(64), 0)
    return framed
  })
  const stream = Buffer.concat(pieces)
  const whole: Buffer[] = []
  let at = 0
  while (at + 2 <= stream.length && at + 2 + stream.readUInt16BE(at) <= stream.length) {
    whole.push(stream.subarray(at + 2, at + 2 + stream.readUInt16BE(at)))
    at += 2 + stream.readUInt16BE(at)
  }
  const reader = readFrames()
  const read: Buffer[] = []
  for (let from = 0; from < stream.length; ) {
    const to = Math.min(stream.length, from + 1 + random.int(random.chance(3) ? 3 : 2000))
    read.push(...reader.push(Buffer.from(stream.subarray(from, to))))
    if (reader.pending() > 65_537) throw new Error(`seed ${seed}: ${reader.pending()} bytes held of a stream`)
    from = to
  }
  const isSame = read.length === whole.length && read.every((message, i) => message.equals(whole[i]!))
  if (!isSame || reader.pending() !== stream.length - at)
    throw new Error(`seed ${seed}: a stream read otherwise than its lengths tell: ${shorten(stream)}`)
}

async function tryExchange({ packet, to = 0, transport }: Case, seed: number): Promise<void> {
  const told = await createBench(parts).hear(packet, asked[to]!, { transport })
  if (/!|panicked|, then/.test(told))
    throw new Error(
      `seed ${seed}, through the exchange, to question ${to}: ${told}: ${packet.toString('hex')}`,
    )
}

/** With the smallest packet that is as wrong, where leaving bytes out leads to one. */
function failure(side: FuzzSide, seed: number, tried: Case, why: string, target?: Target): string {
  const isAsWrong = (packet: Buffer) => {
    const { flaws } = look(target!, side, { ...tried, packet })
    return flaws[0]?.slice(0, 40) === why.slice(0, Math.min(40, flaws[0]?.length ?? 0)) && flaws.length > 0
  }
  let { packet } = tried
  if (target !== undefined) {
    for (let size = packet.length >> 1; size > 0; size >>= 1) {
      for (let at = 0; at + size <= packet.length; ) {
        const without = Buffer.concat([packet.subarray(0, at), packet.subarray(at + size)])
        if (isAsWrong(without)) packet = without
        else at += size
      }
    }
  }
  const how = side === 'questions' ? tried.transport : `${tried.transport}, to question ${tried.to}`
  return `seed ${seed}, ${side}, ${how}: ${why}\n${packet.toString('hex')}`
}

const shorten = (packet: Buffer) =>
  packet.length <= 200
    ? packet.toString('hex')
    : `${packet.toString('hex', 0, 200)}… (${packet.length} bytes)`

function heapNow(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** Of a report, for people. */
export function describeReport(
  side: FuzzSide,
  { packets, perSecond, outcomes, worst, growth }: FuzzReport,
): string {
  const counts = Object.entries(outcomes)
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} ${count}`)
  return [
    `${side}: ${packets} packets, ${perSecond} a second with all checks; none wrong`,
    `  ${counts.join(', ')}`,
    `  the costliest took ${worst.ms.toFixed(3)} ms (${worst.bytes} bytes): ${worst.hex}`,
    `  heap after collection: ${growth >= 0 ? '+' : ''}${Math.round(growth / 1024)} KiB since warm-up`,
  ].join('\n')
}
