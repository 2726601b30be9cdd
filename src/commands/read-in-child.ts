// Reads the configuration in a child process (`berth reader`): questions are answered meanwhile, and a file that ends that
// process (by memory, by a parser that aborts) is refused.
import type { Part, Reading } from '../config/reading.ts'
import { putTogether } from '../config/reading.ts'
import type { Clock } from '../lib/clock.ts'
import { BerthError } from '../lib/errors.ts'
import { type ForkHandlers, forkCommand } from '../workers/fork.ts'
import type { Child } from '../workers/supervisor.ts'
import type { FromReader, Sources, ToReader } from './reader.ts'

export type ForkReader = (handlers: ForkHandlers<FromReader>) => Child<ToReader>

/** How long it may take, ms; a hundred thousand hosts take a few seconds. */
const patience = 60_000
/** Memory it may use, MB: ten times what those need. */
const heapLimit = '--max-old-space-size=1024'

/** `program`: the path of main.js. */
export function forkReader(program: string): ForkReader {
  return (handlers) => forkCommand<ToReader, FromReader>(program, ['reader'], handlers, [heapLimit])
}

/** Rejects with a BerthError CONFIG, also if the child ends. */
export function readInChild(fork: ForkReader, clock: Clock, sources: Sources): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const file = sources.file ?? 'the configuration'
    const parts: Part[] = []
    let reading: Reading | undefined
    let isSettled = false

    function settle(how: () => void): void {
      if (isSettled) return
      isSettled = true
      clock.clearTimeout(timer)
      child.kill()
      how()
    }
    const refuse = (why: string) =>
      settle(() => reject(new BerthError('CONFIG', `${file}: cannot be read: ${why}; try "berth check"`)))
    const hear: { [Kind in FromReader['kind']]: (message: Extract<FromReader, { kind: Kind }>) => void } = {
      read(message) {
        reading = message.reading
        child.send({ kind: 'next' })
      },
      part({ part }) {
        parts.push(part)
        // Questions that wait come first.
        setImmediate(() => child.send({ kind: 'next' }))
      },
      end: () => settle(() => resolve({ ...reading!, config: putTogether(reading!.config, parts) })),
      refused: ({ problems, isConfig }) =>
        settle(() => reject(isConfig ? new BerthError('CONFIG', problems) : new Error(problems))),
    }
    const child = fork({
      onMessage: (message) => (hear[message.kind] as (message: FromReader) => void)(message),
      onEnd: (why) => refuse(`the process reading it ended: ${why}`),
    })
    const timer = clock.setTimeout(
      () => refuse(`reading it takes longer than ${patience / 1000} s`),
      patience,
    )
    child.send({ kind: 'read', sources })
  })
}
