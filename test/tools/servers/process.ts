// A DNS server as a child process on loopback: started, waited for, silenced, ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeQuery } from '../../../src/dns/message.ts'

export interface Server {
  readonly port: number
  readonly pid: number
  /** "127.0.0.1:PORT", as an upstream is written. */
  readonly address: string
  /** What it said so far. */
  output(): string
  /** From now on it hears and says nothing, as a server whose machine is gone. */
  freeze(): void
  thaw(): void
  /** Also removes its folder. */
  stop(): Promise<void>
}

export interface ServerOptions {
  /** "unbound": looked for on the PATH and in the folders of system programs; or a path. */
  readonly program: string
  readonly args: readonly string[]
  readonly port: number
  /** Its configuration is there; goes away with it. */
  readonly folder: string
  /** A name it replies to, with whatever rcode. Default: ".". */
  readonly probe?: string
  /** Where it is probed. Default: 127.0.0.1. */
  readonly host?: string
}

/** Resolves once it replies over UDP; rejects with its output when it ends before that, or 10 s pass. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, folder, args, program, probe = '.', host = '127.0.0.1' } = options
  const child = spawn(findProgram(program), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000)
    })
  }
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
  })
  const stop = async () => {
    await endProcess(child, exited)
    rmSync(folder, { recursive: true, force: true })
  }
  const end = Date.now() + 60_000
  while (!(await repliesTo(probe, host, port))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > end) {
      await stop()
      throw new Error(`${program} does not answer on ${host} port ${port}:\n${output}`)
    }
  }
  return {
    port,
    pid: child.pid!,
    address: `${host}:${port}`,
    output: () => output,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    stop,
  }
}

async function endProcess(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000)
  await exited
  clearTimeout(timer)
}

/** Debian keeps servers in sbin, which is not on everybody's PATH. */
function findProgram(name: string): string {
  if (name.includes('/')) return name
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin']
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  if (found === undefined)
    throw new Error(`${name} is not installed; npm test installs it from Debian's packages`)
  return found
}

/** Whether a server replies to a question within 200 ms; resolves a little later where it does not. */
export function repliesTo(name: string, host: string, port: number, type = 'SOA'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const done = (replied: boolean) => {
      clearTimeout(timer)
      socket.close()
      setTimeout(resolve, replied ? 0 : 20, replied)
    }
    const timer = setTimeout(done, 200, false)
    socket.on('message', () => done(true))
    socket.on('error', () => done(false))
    socket.connect(port, host, () => socket.send(encodeQuery(name, type, { id: randomInt(0x10000) })))
  })
}

export function serverFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `berth-${name}-`))
}
