// The interface between the transports and whatever answers: a query, its reply, and answers that are encoded already.
import type { Transport } from '../dns/writer.ts'

export interface Query {
  /** The whole message; the handler may keep it. */
  readonly message: Buffer
  /** Source address as the socket tells it, with zone where link-local. */
  readonly asker: string
  /** The address it was sent to, as bound. */
  readonly local: string
  readonly transport: Transport
  /** The listener for metrics: "dns://127.0.0.1:1053". */
  readonly server: string
  /** TCP: how long the connection may be idle before we close it, ms. */
  readonly idle?: number
  /**
   * UDP: the source address is over its rate, and may be forged. With a valid cookie it is answered all the same; without
   * one, 'slip' gets a truncated reply, so that it retries over TCP, and 'drop' gets nothing.
   */
  readonly pressed?: 'slip' | 'drop' | undefined
  /** `EncodedAnswers.answer` has just returned 0 for this message: there is no need to look again. */
  readonly isMiss?: boolean
}

/** A whole reply, or undefined: send nothing. */
export type Reply = Buffer | undefined

/** Returns a promise only for what is forwarded. Neither throws nor rejects. */
export type Handle = (query: Query) => Reply | Promise<Reply>

/** Where a query arrived: the address as bound, and the listener for metrics. */
export type ServerAddress = Pick<Query, 'local' | 'server'>

/** Answers that can be copied into a send buffer without calling the handler. */
export interface EncodedAnswers {
  /**
   * Writes the whole reply to the message at `start` to `stop` of `data` into `into` at `at`, where there must be room for
   * `udpPayloadBytes`. Returns its bytes; 0: call the handler. Counts the answer; `end` adds how long it took.
   */
  answer(
    data: Uint8Array,
    start: number,
    stop: number,
    asker: string,
    where: ServerAddress,
    into: Uint8Array,
    at: number,
  ): number
  /** Call these around answers that are sent together; the time between is theirs. Both return the time, monotonic ms. */
  begin(): number
  end(): number
}
