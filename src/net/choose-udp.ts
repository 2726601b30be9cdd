// Which kind of UDP sockets this system gets.
import type { Config } from '../config/types.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { type Libc, loadLibc } from './libc.ts'
import type { Listener, ListenOptions } from './listener.ts'
import { listenUdp } from './udp.ts'
import { createBatchUdp } from './udp-batch.ts'

/** Rejects with BerthError LISTEN where batches are demanded and can't be had. */
export async function chooseUdp(
  wanted: Config['udp'],
  log: Logger,
  load: () => Promise<Libc> = loadLibc,
): Promise<(options: ListenOptions) => Promise<Listener>> {
  if (wanted === 'plain') return listenUdp
  try {
    return createBatchUdp(await load())
  } catch (error) {
    if (wanted === 'batch') {
      throw new BerthError('LISTEN', 'udp: batch can not be had here; auto does without', error)
    }
    log.info({ why: explain(error) }, 'UDP is served one datagram at a time')
    return listenUdp
  }
}
