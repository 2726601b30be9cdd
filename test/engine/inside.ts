// Runs inside the namespaces launch.ts made: starts the engine, runs the command, leaves nothing behind.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Engine, privateEngine } from './engine.ts'
import { ensureImage } from './image.ts'

const groups = '/sys/fs/cgroup'
const stopping = new AbortController()

async function main(command: string, args: string[]): Promise<number> {
  const engine = privateEngine()
  if (!engine) throw new Error('inside.ts is started by launch.ts')
  // The launcher says 'stop' when it gets a signal; its end, even by SIGKILL, is seen as 'disconnect'.
  const stop = () => stopping.abort()
  for (const event of ['message', 'disconnect', 'SIGINT', 'SIGTERM', 'SIGHUP']) process.on(event, stop)
  prepare()
  try {
    await engine.start()
    await ensureImage()
    return stopping.signal.aborted ? 128 + constants.signals.SIGTERM : await runCommand(command, args)
  } finally {
    await clear(engine)
  }
}

function prepare(): void {
  // What /sys shows belongs to the network namespace it was mounted from; runc wants a cgroup v2 hierarchy.
  execFileSync('mount', ['-t', 'sysfs', 'sysfs', '/sys'])
  execFileSync('mount', ['-t', 'cgroup2', 'none', groups])
  for (const which of ['all', 'default']) {
    const setting = `/proc/sys/net/ipv6/conf/${which}/disable_ipv6`
    if (existsSync(setting)) writeFileSync(setting, '0')
  }
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
}

function runCommand(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit' })
  const stop = () => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 5000).unref()
  }
  stopping.signal.addEventListener('abort', stop)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
  })
}

// No orderly end for what is thrown away: processes are killed, then groups, mounts and files removed. What is
// still alive after that (shims, strays of the command) goes with the process namespace.
async function clear(engine: Engine): Promise<void> {
  await engine.kill()
  await removeGroup(join(groups, engine.group))
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${engine.state}/`))
  for (const path of mounts.reverse()) execFileSync('umount', ['-l', path])
  rmSync(engine.state, { recursive: true, force: true, maxRetries: 5 })
}

/** A group is busy until the last of its processes has ended, which may be after it has left the list of them. */
async function removeGroup(folder: string): Promise<void> {
  for (let tries = 0; existsSync(folder); tries++) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeGroup(join(folder, entry.name))
    }
    for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      killQuietly(Number(pid))
    }
    try {
      rmdirSync(folder)
    } catch (error) {
      if (tries === 500) throw error
      await sleep(20)
    }
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

const [command, ...args] = process.argv.slice(2)
main(command!, args)
  .catch((error) => {
    console.error(`engine: ${error instanceof Error ? error.message : error}`)
    return 1
  })
  .then((code) => process.exit(code))
