// `berth serve` as a process on this machine, without an engine of its own: for start, stop and everything that goes wrong.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

export { freePort } from '../tools/servers/port.ts'

export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Serving {
  readonly child: ChildProcess
  readonly lines: Record<string, unknown>[]
  readonly exited: Promise<number | null>
  /** What it wrote to standard error, where nothing belongs. */
  errors(): string
  /** Its configuration. */
  readonly file: string
  /** Resolves with the first line that has this message; rejects when the process ends or `ms` (60 s) pass without. */
  logged(msg: string, ms?: number): Promise<Record<string, unknown>>
}

export interface Run {
  readonly env?: NodeJS.ProcessEnv
  /** User and group, by number. */
  readonly as?: number
  /** Options of the node that serves. */
  readonly node?: readonly string[]
  /** How many descriptors it may have. */
  readonly files?: number
  /** The main.js that serves. Default: the checkout's. */
  readonly program?: string
  /** Words before the command, as those that enter a namespace. */
  readonly within?: readonly string[]
}

export function serve(config: object, run: Run = {}): Serving {
  const folder = mkdtempSync(join(tmpdir(), 'berth-system-'))
  // It may be read by the user that berth is to be.
  chmodSync(folder, 0o755)
  const file = join(folder, 'berth.yml')
  writeFileSync(file, stringify(config))
  // Node raises its own limit to the hard one, so that is what is set.
  const limited = run.files === undefined ? [] : ['sh', '-c', `ulimit -n ${run.files} && exec "$0" "$@"`]
  const { node = [], program: served = main } = run
  const command = [process.execPath, ...node, served, 'serve', `--config=${file}`]
  const [program, ...rest] = [...(run.within ?? []), ...limited, ...command] as [string, ...string[]]
  const child = spawn(program, rest, {
    // `npm run test:nodes` has each kind of sockets serve. `BERTH_WORKERS=2 npm test -- unit system/`: several processes
    // answer. What tests count of the cache and of first failures is then each process's own; all else is the same.
    env: {
      PATH: process.env.PATH,
      BERTH_UDP: process.env.BERTH_UDP,
      BERTH_WORKERS: process.env.BERTH_WORKERS,
      ...run.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(run.as === undefined ? {} : { uid: run.as, gid: run.as }),
  })
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
    process.stderr.write(chunk)
  })
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  let text = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (text + chunk.toString()).split('\n')
    text = parts.pop()!
    for (const part of parts) lines.push(JSON.parse(part))
    for (const look of waiting) look()
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  return {
    child,
    lines,
    exited,
    errors: () => errors,
    file,
    logged: (msg, ms = 60_000) =>
      new Promise((resolve, reject) => {
        const fail = (why: string) =>
          reject(new Error(`no '${msg}': ${why}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`))
        const timer = setTimeout(() => fail(`${ms / 1000} s are over`), ms)
        const look = () => {
          const found = lines.find((line) => line.msg === msg)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
        void exited.then((code) => fail(`it ended with ${code}`))
      }),
  }
}
