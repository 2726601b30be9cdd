// `berth serve` as a process on this machine, without an engine of its own: for start, stop and everything that goes wrong.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

export { freePort } from '../servers/port.ts'

export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Serving {
  readonly child: ChildProcess
  readonly lines: Record<string, unknown>[]
  readonly exited: Promise<number | null>
  /** Resolves with the first line that has this message; rejects when the process ends or 10 s pass without. */
  logged(msg: string): Promise<Record<string, unknown>>
}

/** `node`: options of the process that serves; `files`: how many descriptors it may have. */
export function serve(
  config: object,
  run: { env?: NodeJS.ProcessEnv; as?: number; node?: readonly string[]; files?: number } = {},
): Serving {
  const folder = mkdtempSync(join(tmpdir(), 'berth-system-'))
  const file = join(folder, 'berth.yml')
  writeFileSync(file, stringify(config))
  const command = ['serve', `--config=${file}`]
  const args = [process.execPath, ...(run.node ?? []), main, ...command]
  // Node raises its own limit to the hard one, so that is what is set.
  const limited = run.files === undefined ? [] : ['sh', '-c', `ulimit -n ${run.files} && exec "$0" "$@"`]
  const [program, ...rest] = [...limited, ...args] as [string, ...string[]]
  const child = spawn(program, rest, {
    env: { PATH: process.env.PATH, ...run.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(run.as === undefined ? {} : { uid: run.as, gid: run.as }),
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
    logged: (msg) =>
      new Promise((resolve, reject) => {
        const fail = (why: string) =>
          reject(new Error(`no '${msg}': ${why}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`))
        const timer = setTimeout(() => fail('10 s are over'), 10_000)
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
