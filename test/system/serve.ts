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

/** `node`: options of the process that serves. */
export function serve(
  config: object,
  run: { env?: NodeJS.ProcessEnv; as?: number; node?: readonly string[] } = {},
): Serving {
  const folder = mkdtempSync(join(tmpdir(), 'berth-system-'))
  const file = join(folder, 'berth.yml')
  writeFileSync(file, stringify(config))
  const command = ['serve', `--config=${file}`]
  const child = spawn(process.execPath, [...(run.node ?? []), main, ...command], {
    env: { PATH: process.env.PATH, ...run.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(run.as === undefined ? {} : { uid: run.as, gid: run.as }),
  })
  const lines: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
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
