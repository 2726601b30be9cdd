// `berth worker`: what `berth serve` starts beside itself where `workers:` is over 1. Not for people.
import { systemClock } from '../lib/clock.ts'
import { logTo } from '../lib/log.ts'
import { standardOutput } from '../lib/output.ts'
import { outputOfFirst } from '../workers/fork.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from '../workers/messages.ts'
import { type Channel, runWorker } from '../workers/worker.ts'
import { collectOnce } from './collecting.ts'
import { type Command, exit } from './io.ts'
import { surviveMistakes } from './process.ts'

/** How long the last lines may take to leave, ms. */
const flushFor = 500

export const run: Command = async (_args, io) => {
  if (process.send === undefined) {
    io.stderr('berth worker is what "berth serve" starts where "workers" is over 1; start that\n')
    return exit.usage
  }
  // A terminal and a supervisor signal all processes: it is the first one that decides.
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
      surviveMistakes(log)
      collectOnce()
      return log
    },
  })
  await output.flush(flushFor)
  return wasTold ? exit.done : exit.failed
}
