// An exchange over carriers that send nothing, with a clock that is turned by hand.
import type { ForwardOrder, Upstream } from '../../../src/config/types.ts'
import type { Edns } from '../../../src/dns/edns.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import type { Attempt, Blame, Carrier } from '../../../src/forward/attempt.ts'
import { createExchange, type ExchangeOptions } from '../../../src/forward/exchange.ts'
import { createForwardMetrics } from '../../../src/forward/forward-metrics.ts'
import { createHandClock } from '../../hand-clock.ts'
import { recordingLogger } from './recording-logger.ts'

export const query = encodeQuery('example.com', 'A', { id: 1 })
export const question = readQuestion(query)!
export const upstreams: readonly Upstream[] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((host) => ({
  host,
  port: 53,
  text: `${host}:53`,
}))
export const [first, second, third] = upstreams as [Upstream, Upstream, Upstream]

/** `message` as its own reply, with this rcode. */
export function answer(message: Buffer, code: number, flags = 0x8180): Buffer {
  const reply = Buffer.from(message)
  reply.writeUInt16BE(flags | code, 2)
  return reply
}

export interface Try extends Attempt {
  readonly transport: 'udp' | 'tcp'
  cancelled: boolean
}

export interface AskOptions {
  readonly list?: readonly Upstream[]
  readonly timeout?: number
  readonly order?: ForwardOrder
  readonly edns?: Edns
  readonly asker?: string
  /** What is asked for, instead of `query`. */
  readonly name?: string
  /** Of what is asked. Default: RD. */
  readonly flags?: number
}

export function createRig(more: Partial<ExchangeOptions> = {}) {
  const hand = createHandClock()
  const counters = createForwardMetrics()
  const { log, lines } = recordingLogger()
  const tries: Try[] = []
  const checks: Try[] = []
  let closed = 0
  const carrier = (transport: 'udp' | 'tcp'): Carrier => ({
    ask(attempt) {
      const { upstream, message, question: of } = attempt
      const made: Try = {
        ...{ upstream, message, question: of, transport, cancelled: false },
        done: (result) => attempt.done(result),
      }
      if (of.name === '') checks.push(made)
      else tries.push(made)
      return () => {
        made.cancelled = true
      }
    },
    sockets: () => 0,
    close: () => {
      closed++
    },
  })
  const exchange = createExchange({
    clock: hand.clock,
    log,
    counters,
    randomId: () => 0,
    random: () => 0.5,
    udp: carrier('udp'),
    tcp: carrier('tcp'),
    claim: () => () => {},
    inTurn: (_asker, work) => work(),
    ...more,
  })
  const reply = (each: Try | undefined, code: number, flags?: number) =>
    each!.done({ reply: answer(each!.message, code, flags) })
  const ask = ({
    list = upstreams.slice(0, 2),
    timeout = 3500,
    order = 'sequential',
    name = 'example.com',
    flags = 0x0100,
    ...rest
  }: AskOptions = {}) => {
    const named = encodeQuery(name, 'A', { id: 1 })
    named.writeUInt16BE(flags, 2)
    return exchange.ask({
      query: named,
      question: readQuestion(named)!,
      edns: undefined,
      asker: '127.0.0.1',
      upstreams: list,
      timeout,
      order,
      ...rest,
    })
  }
  return {
    ...hand,
    exchange,
    counters,
    lines,
    tries,
    checks,
    closed: () => closed,
    ask,
    /** Each has answered a question at once, as servers do that take EDNS and AD; what was asked for that is forgotten. */
    async know(...list: Upstream[]) {
      for (const each of list) {
        const result = ask({ list: [each] })
        reply(tries.at(-1), 0)
        await result
      }
      tries.length = 0
    },
    /** "udp 1": over what, and to which. */
    asked: () => tries.map(({ upstream, transport }) => `${transport} ${upstream.host.at(-1)}`),
    reply: (n: number, code: number, flags?: number) => reply(tries[n], code, flags),
    fail: (n: number, error: string, blame: Blame = 'upstream') => tries[n]!.done({ error, blame }),
    /** The newest health check. */
    check: () => checks.at(-1)!,
    replyToCheck: (code: number) => reply(checks.at(-1), code),
  }
}
