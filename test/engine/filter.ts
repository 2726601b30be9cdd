// config/haproxy-docker.cfg at work: haproxy between berth and the private engine's socket.
import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './docker.ts'
import type { Engine } from './engine.ts'

export const configuration = fileURLToPath(new URL('../../config/haproxy-docker.cfg', import.meta.url))

export interface Filter {
  readonly socket: string
  /** Sockets it has open, its listening one among them. */
  connections(): number
  close(): void
}

/** `group` may use its socket. What takes 15 s there takes 1 s here, so that an idle stream can outlast it. */
export async function startFilter(engine: Engine, group: number): Promise<Filter> {
  const socket = join(engine.state, 'filtered.sock')
  const replaced: [string, string][] = [
    ['/run/berth-docker/docker.sock', socket],
    // None kept idle, so that every connection still open is somebody's.
    ['/var/run/docker.sock', `${engine.socket} pool-max-conn 0`],
    ['timeout server 15s', 'timeout server 1s'],
  ]
  let text = readFileSync(configuration, 'utf8')
  for (const [from, to] of replaced) {
    if (!text.includes(from)) throw new Error(`${configuration} has no "${from}" any more`)
    text = text.replaceAll(from, to)
  }
  const file = join(engine.state, 'haproxy.cfg')
  writeFileSync(file, text)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  await until(() => existsSync(socket) || child.exitCode !== null, { what: 'haproxy listens' })
  chownSync(socket, 0, group)
  chmodSync(socket, 0o660)
  return {
    socket,
    connections() {
      const folder = `/proc/${child.pid}/fd`
      return readdirSync(folder).filter((fd) => readlinkSync(join(folder, fd)).startsWith('socket:')).length
    },
    close: () => void child.kill('SIGKILL'),
  }
}
