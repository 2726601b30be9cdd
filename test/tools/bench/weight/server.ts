// One `berth serve` that is weighed: how long until it says something and is ready, what it takes while nobody asks.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../servers/port.ts'
import { cpuOf, memoryOf } from '../proc.ts'
import { surroundings } from './commands.ts'

export interface Weighed {
  readonly pid: number
  /** From the start of its process, ms. */
  readonly firstLine: number
  readonly ready: number
  /** CPU time until then, ms; memory at its peak, MiB. */
  readonly cpu: number
  readonly peak: number
  stop(): Promise<void>
}

/** How long `ready` may take, ms. */
const patience = 60_000

/** `engine`: its URL, where there is one; `listen`: an address without its port. */
export async function weigh(program: string, engine?: string, listen = '127.0.0.1'): Promise<Weighed> {
  const [dns, http] = [await freePort(), await freePort()]
  const flags = [`--listen=${listen}:${dns}`, `--http=127.0.0.1:${http}`, '--forward.upstreams=127.0.0.1:9']
  const env = { ...surroundings, ...(engine === undefined ? {} : { DOCKER_HOST: engine }) }
  const begun = performance.now()
  const child = spawn(process.execPath, [program, 'serve', ...flags], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = child.pid!
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let firstLine = Number.NaN
  let text = ''
  const [ready, cpu, peak] = await new Promise<[number, number, number]>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${program} is not ready after ${patience} ms`)),
      patience,
    )
    void exited.then(() => reject(new Error(`${program} has ended:\n${text}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      const now = performance.now() - begun
      if (Number.isNaN(firstLine)) firstLine = now
      if (text.includes('"msg":"ready"')) return
      text += chunk.toString()
      if (!text.includes('"msg":"ready"')) return
      clearTimeout(timer)
      resolve([now, cpuOf(pid) / 1000, memoryOf(pid) / 2 ** 20])
    })
  }).catch((error) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    ...{ pid, firstLine, ready, cpu, peak },
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

export interface Idle {
  /** CPU of each second, ms. */
  readonly cpu: number
  /** MiB at the end. */
  readonly memory: number
}

/** What a server takes over some seconds in which nobody asks it. */
export async function watchIdle(pid: number, seconds: number): Promise<Idle> {
  const before = cpuOf(pid)
  const begun = performance.now()
  await sleep(seconds * 1000)
  const took = (performance.now() - begun) / 1000
  return { cpu: (cpuOf(pid) - before) / 1000 / took, memory: residentOf(pid) }
}

/** VmRSS, MiB. */
export function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Sockets that a process has open. */
export function socketsOf(pid: number): number {
  const link = (name: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`)
    } catch {
      // Closed meanwhile.
      return ''
    }
  }
  return readdirSync(`/proc/${pid}/fd`).filter((name) => link(name).startsWith('socket:')).length
}
