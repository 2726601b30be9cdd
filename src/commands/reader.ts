// `berth reader`: started by `berth serve` to read a changed configuration. Not for people. Whatever a file does to its
// reader (time, memory, a parser that aborts) it does to this process.
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { ConfigSources } from '../config/load.ts'
import { type Part, type Reading, readingOf, takeApart } from '../config/reading.ts'
import { BerthError, explain } from '../lib/errors.ts'
import { type Command, exit } from './io.ts'
import { loadUsableConfig } from './usable-config.ts'

export type Sources = Omit<ConfigSources, 'parseEngineAddress'>

/** `read` is answered by `read` or `refused`, each `next` by a part or `end`. */
export type ToReader = { readonly kind: 'read'; readonly sources: Sources } | { readonly kind: 'next' }

export type FromReader =
  /** Without its long lists, which follow in parts. */
  | { readonly kind: 'read'; readonly reading: Reading }
  /** One problem per line. `isConfig`: the configuration is wrong; otherwise it is a bug of ours. */
  | { readonly kind: 'refused'; readonly problems: string; readonly isConfig: boolean }
  | { readonly kind: 'part'; readonly part: Part }
  | { readonly kind: 'end' }

export const run: Command = (_args, io) => {
  if (process.send === undefined) {
    io.stderr('berth reader is started by "berth serve" to read a changed configuration; run that\n')
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
        const reading = readingOf(await loadUsableConfig(message.sources))
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

/** Questions come first; and if memory runs out, the kernel should kill this process, not the server. */
function giveWay(): void {
  try {
    setPriority(5)
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not Linux, or not permitted.
  }
}
