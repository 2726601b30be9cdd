// A question as the sockets hand it in, and the one function that answers it.
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
   * UDP: the asker, who may be another than the address says, asks more than is its due. With a good cookie it is
   * answered nevertheless; without any, 'slip' is told to come over TCP, and 'drop' is told nothing.
   */
  readonly pressed?: 'slip' | 'drop'
}

/** A whole reply, or undefined: say nothing. */
export type Reply = Buffer | undefined

/** Answers local names at once, with a promise only what is forwarded. Neither throws nor rejects. */
export type Handle = (query: Query) => Reply | Promise<Reply>
