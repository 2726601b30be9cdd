// `berth reader`: what `berth serve` starts beside itself to read a changed configuration. Not for people. Whatever a
// file does to who reads it (time, memory, a parser that gives up with the whole process) it does to this one.
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { ConfigSources } from '../config/load.ts'
import { type Part, type Reading, readingOf, takeApart } from '../config/reading.ts'
import { BerthError, explain } from '../lib/errors.ts'
import { type Command, exit } from './io.ts'
import { loadForHere } from './usable-config.ts'

export type Sources = Omit<ConfigSources, 'parseEngineAddress'>

/** The first is answered by `read` or `refused`, each further one by a part, or by `end`. */
export type ToReader = { readonly kind: 'read'; readonly sources: Sources } | { readonly kind: 'next' }

export type FromReader =
  /** Without its long lists, which come in parts. */
  | { readonly kind: 'read'; readonly reading: Reading }
  /** One problem a line. `isConfig`: the configuration is wrong; else we are. */
  | { readonly kind: 'refused'; readonly problems: string; readonly isConfig: boolean }
  | { readonly kind: 'part'; readonly part: Part }
  | { readonly kind: 'end' }

export const run: Command = (_args, io) => {
  if (process.send === undefined) {
    io.stderr('berth reader is what "berth serve" starts to read a changed configuration; start that\n')
    return Promise.resolve(exit.usage)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  giveWay()
  let parts: readonly Part[] = []
  let at = 0
  return new Promise((resolve) => {
    const answer = (message: FromReader) => void process.send!(message, undefined, undefined, () => {})
    process.on('message', async (message: ToReader) => {
      if (message.kind === 'next') {
        const part = parts[at++]
        answer(part === undefined ? { kind: 'end' } : { kind: 'part', part })
        return
      }
      try {
        const reading = readingOf(await loadForHere(message.sources))
        const { rest, parts: all } = takeApart(reading.config)
        parts = all
        answer({ kind: 'read', reading: { ...reading, config: rest } })
      } catch (error) {
        const isConfig = error instanceof BerthError && error.code === 'CONFIG'
        answer({ kind: 'refused', problems: explain(error), isConfig })
      }
    })
    process.once('disconnect', () => resolve(exit.done))
  })
}

/** Questions go first; and where memory runs out, the system is to end us and not the server. */
function giveWay(): void {
  try {
    setPriority(5)
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Other systems, and those that forbid it.
  }
}
