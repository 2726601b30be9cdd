// `berth worker`: started by `berth serve` when `workers` is over 1. Not for people.
import { systemClock } from '../lib/clock.ts'
import { logTo } from '../lib/log.ts'
import { standardOutput } from '../lib/output.ts'
import { outputOfFirst } from '../workers/fork.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from '../workers/messages.ts'
import { type Channel, runWorker } from '../workers/run-worker.ts'
import { collectOnce } from './collecting.ts'
import { type Command, exit } from './io.ts'
import { logUncaught } from './uncaught.ts'

/** How long the last log lines may take to be written, ms. */
const flushFor = 500

export const run: Command = async (_args, io) => {
  if (process.send === undefined) {
    io.stderr('berth worker is started by "berth serve" when "workers" is over 1; run that\n')
    return exit.usage
  }
  // Terminals and service managers signal every process of a group: the first process decides when to stop.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  const channel: Channel = {
    send(message: FromWorker, sent) {
      if (process.connected) {
        process.send!(message, undefined, undefined, (error) => error === null && sent?.())
      }
    },
    onMessage: (listener) =>
      void process.on('message', (message) => listener(withOwnBytes(message as ToWorker))),
    onClose: (listener) => void process.once('disconnect', listener),
  }
  const output = standardOutput(outputOfFirst)
  const wasTold = await runWorker({
    ...{ channel, lostLines: output.lost },
    clock: systemClock,
    createLog(options) {
      const log = logTo(output, options)
      logUncaught(log)
      collectOnce()
      return log
    },
  })
  await output.flush(flushFor)
  return wasTold ? exit.done : exit.failed
}
