// What becomes of a packet, in a few words: questions through the pipeline as the sockets hand them over, upstreams'
// replies through the exchange.
import { encodeQuery } from '../../src/dns/message.ts'
import { readQuestion } from '../../src/dns/name.ts'
import type { Attempt, AttemptResult } from '../../src/forward/attempt.ts'
import { createForwardMetrics } from '../../src/forward/forward-metrics.ts'
import { silentLogger } from '../../src/lib/log.ts'
import { createDnsMetrics } from '../../src/resolve/dns-metrics.ts'
import { createHandClock } from '../hand-clock.ts'
import { config, here } from '../unit/resolve/deciding.ts'
import { describe } from './describe.ts'
import { walk } from './invariants.ts'
import type * as allParts from './parts.ts'
import { askers, type From, honestReply, snapshot, truncatedReply, upstreamId, upstreams } from './world.ts'

export type Parts = typeof allParts

export interface Bench {
  /** A question over UDP or TCP; upstreams have one address for every name. */
  ask(packet: Buffer, how: How): Promise<string>
  /**
   * A packet from the first upstream to a question, over UDP unless `stream`; honest replies follow, and have come before:
   * that one takes EDNS.
   */
  hear(packet: Buffer, query: Buffer, how: How): Promise<string>
}

export interface How {
  readonly from?: From
  readonly transport: 'udp' | 'tcp'
  /** The asker is over its rate. */
  readonly pressed?: 'slip' | 'drop'
  /** The reply comes over TCP, after one that was truncated. */
  readonly stream?: boolean
}

const plain = encodeQuery('known.example', 'A', { id: 7 })
const toFirst = { upstreams: upstreams.slice(0, 1), order: 'sequential', timeout: 1000 } as const

export function createBench(parts: Parts): Bench {
  const { clock, runNext } = createHandClock()
  /** Runs all timers, each in a turn of its own. */
  const passAll = () => runNext() && setImmediate(passAll)
  /** What an attempt comes to, later. */
  let onTry: (attempt: Attempt, transport: 'udp' | 'tcp') => void = () => {}
  /** What was thrown while a packet was looked at. */
  let broken: unknown
  const carrier = (transport: 'udp' | 'tcp') => ({
    ask(attempt: Attempt) {
      attempt.message.writeUInt16BE(upstreamId, 0)
      let isOver = false
      const done = (result: AttemptResult) => {
        if (!isOver) attempt.done(result)
        isOver = true
      }
      queueMicrotask(() => {
        try {
          onTry({ ...attempt, done }, transport)
        } catch (error) {
          broken = error
        }
      })
      return () => {
        isOver = true
      }
    },
    sockets: () => 0,
    close() {},
  })
  const resolver = parts.createResolver({
    config,
    store: { current: () => snapshot },
    addresses: () => here,
    upstreams: () => upstreams,
    random: () => 0,
  })
  const cookies = parts.createCookies({
    secretOf: () => new Uint8Array(16).fill(7),
    seconds: () => 1_000_000,
  })

  /** Anew for each packet: upstreams that gave nonsense are remembered. */
  async function answer(
    query: Buffer,
    { from = 'web', transport, pressed }: How,
    before?: (exchange: ReturnType<Parts['createExchange']>) => Promise<void>,
  ): Promise<string> {
    broken = undefined
    const counters = createDnsMetrics()
    const exchange = parts.createExchange({
      ...{ clock, log: silentLogger, counters: createForwardMetrics(), random: () => 0 },
      ...{ randomId: () => upstreamId, udp: carrier('udp'), tcp: carrier('tcp') },
      ...{ claim: () => () => {}, inTurn: (_asker: string, work: () => void) => work() },
    })
    await before?.(exchange)
    const handle = parts.createPipeline({
      ...{ resolver, cookies, counters, clock, log: silentLogger, logQueries: false },
      identity: { id: '', version: '' },
      forward: ({ route, ...asked }) => {
        const { timeout, order } = config.forward
        return exchange.ask({ ...asked, upstreams: route.upstreams, order, timeout })
      },
    })
    const message = Buffer.from(query)
    const press = pressed === undefined ? {} : { pressed }
    const replied = handle({ message, ...askers[from], transport, server: 'x', idle: 10_000, ...press })
    // Who waits for what never comes gets to the deadline.
    if (replied instanceof Promise) setImmediate(passAll)
    const told = describe(query, await replied, transport)
    exchange.stop()
    if (broken !== undefined) throw broken
    return counters.panics.cell().value > 0 ? `${told}, panicked` : told
  }

  return {
    async ask(packet, how) {
      let forwarded = ''
      onTry = ({ message, done }) => {
        forwarded = `, forwarded${dirtOf(packet, message)}`
        done({ reply: honestReply(message) })
      }
      return (await answer(packet, how)) + forwarded
    },

    async hear(packet, query, how) {
      const steps: string[] = []
      let wasHeard = false
      const hearing: typeof onTry = (attempt, transport) => {
        const { message, question, done, upstream } = attempt
        if (how.stream && transport === 'udp') {
          done({ reply: truncatedReply(message) })
          return
        }
        // A probe behind the question.
        if (question.name === '') {
          done({ reply: honestReply(message) })
          return
        }
        const isFirst = upstream === upstreams[0]
        if (wasHeard) steps.push(nextStep(isFirst, transport, how, message))
        else if (parts.answersQuestion(message, question, packet)) {
          wasHeard = true
          done({ reply: Buffer.from(packet) })
          return
        } else steps.push('ignored')
        wasHeard = true
        done({ reply: honestReply(message) })
      }
      const told = await answer(query, how, async (exchange) => {
        onTry = ({ message, done }, transport) =>
          done({ reply: (transport === 'udp' ? truncatedReply : honestReply)(message) })
        const question = readQuestion(plain)!
        await exchange.ask({ ...{ query: plain, question, edns: undefined, asker: '' }, ...toFirst })
        onTry = hearing
      })
      if (steps.length === 0) return `relayed: ${told}`
      // Nothing of what was ignored or given up may be in the answer.
      const honest = describe(query, honestReply(query), how.transport)
      return told === honest ? steps.join(', ') : `${steps.join(', ')}, then ${told}`
    },
  }
}

function nextStep(isFirst: boolean, transport: 'udp' | 'tcp', { stream }: How, message: Buffer): string {
  if (!isFirst) return 'given up'
  if (transport === 'tcp' && !stream) return 'asked again over TCP'
  return message.readUInt16BE(10) === 0 ? 'asked again without EDNS' : 'asked again'
}

/** What an upstream was sent that is not the question alone: options and records are not passed on. */
function dirtOf(query: Buffer, sent: Buffer): string {
  const walked = walk(sent)
  const isClean =
    walked !== undefined &&
    walked.questions.length === 1 &&
    query.subarray(12).indexOf(walked.questions[0]!) === 0 &&
    walked.rest === 0 &&
    (walked.flags & ~0x0130) === 0 &&
    walked.records.length <= 1 &&
    walked.records.every(({ type, data, ttl }) => type === 41 && data.length === 0 && (ttl & ~0x8000) === 0)
  return isClean ? '' : ` !sent ${sent.subarray(0, 80).toString('hex')}`
}
