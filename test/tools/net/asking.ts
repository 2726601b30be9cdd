// The test's side of asker.ts: clients that ask without pause from inside a network namespace.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { until } from '../../engine/docker.ts'
import type { Order, Sum } from './asker.ts'

export interface Asking {
  /** Asks this server, UDP and TCP, until it is told to stop; resolves with the moment of the first UDP answer. */
  ask(server: string): Promise<number>
  stop(server: string): void
  /** Once what is under way there has its answer or is lost, and there were so many over UDP and over TCP. */
  settled(server: string, least: number): Promise<void>
  /** What came of it, by server. */
  sums(): Promise<Record<string, Sum>>
  close(): void
}

const asker = fileURLToPath(new URL('asker.ts', import.meta.url))

/** `entry`: the words that make a command run in the place. */
export function startAsking(entry: readonly string[], names: readonly string[]): Asking {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const words = [...entry, process.execPath, '--import', tsx, asker]
  const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const order = (one: Order) => void child.stdin.write(`${JSON.stringify(one)}\n`)
  let before: Promise<unknown> = Promise.resolve()

  function sums(): Promise<Record<string, Sum>> {
    const told = before.then(async () => {
      const line = once(lines, 'line')
      order({ do: 'tell' })
      return JSON.parse((await line)[0])
    })
    before = told
    return told
  }

  return {
    async ask(server) {
      order({ do: 'ask', server, names })
      return until(async () => (await sums())[server]?.udp.firstAt ?? 0, {
        what: `${server} answers`,
        deadlineMs: 60_000,
      })
    },
    async settled(server, least) {
      const counts = async () =>
        Object.values((await sums())[server]!).map(({ answered, lost }) => answered + lost.length)
      const before = await counts()
      await until(counts, {
        what: `what is asked at ${server} is settled`,
        accept: (now) => now.every((count, i) => count >= least && count > before[i]!),
      })
    },
    stop: (server) => order({ do: 'stop', server }),
    sums,
    close: () => child.stdin.end(),
  }
}
