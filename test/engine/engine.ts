// The private engine seen from inside its namespaces: start, kill, restart and stop it.
//
// All there is to know about it lies in the state folder, so the launcher and every test worker can use it alike.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { podmanService } from './podman.ts'

/** What is to be run so that an engine is there. */
export interface Service {
  readonly words: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

export class Engine {
  readonly state: string
  readonly socket: string
  readonly host: string
  readonly log: string
  readonly pidFile: string
  /** Of Podman: the files of its release. undefined: Docker. */
  readonly #root: string | undefined

  constructor(state: string, root?: string) {
    this.state = state
    this.#root = root
    this.socket = join(state, 'docker.sock')
    this.host = `unix://${this.socket}`
    this.log = join(state, 'dockerd.log')
    this.pidFile = join(state, 'dockerd.pid')
  }

  // The control group that holds the engine's containers, as a path below the hierarchy's root.
  get group(): string {
    return `/${basename(this.state)}`
  }

  get isPodman(): boolean {
    return this.#root !== undefined
  }

  // `flags` are more of the engine's own, such as --live-restore. Resolves once the engine answers.
  async start(flags: string[] = []): Promise<void> {
    const { words, env } =
      this.#root === undefined ? this.#dockerService(flags) : await podmanService(this, this.#root, flags)
    const output = openSync(this.log, 'a')
    // Detached, with its output in a file: the engine outlives the test worker that started it.
    const child = spawn(words[0]!, words.slice(1), {
      cwd: '/',
      detached: true,
      env,
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    if (this.isPodman && child.pid !== undefined) writeFileSync(this.pidFile, String(child.pid))
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => reject(new Error(`it ended (${code ?? signal})`)))
    })
    child.unref()
    try {
      await Promise.race([this.#answered(120_000), ended])
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(
        `the engine did not start: ${error instanceof Error ? error.message : error}\n${this.logTail()}`,
      )
    }
    ended.catch(() => {})
  }

  // SIGKILL to dockerd alone, as in a crash. Seen with 26.1 and 20.10:
  // - containerd, its child, dies with it; the next start brings a new one;
  // - containers, shims, bridges and the socket's file stay, but 127.0.0.11 was in dockerd and refuses;
  // - the next start stops all of those containers before it answers, then starts again those with the restart
  //   policy `always` or `on-failure` (not `unless-stopped`); the others want a `docker start`. Whoever is
  //   started again may get another address;
  // - with --live-restore given to the *next* start (whatever the one before had) they run on: same process,
  //   same addresses, and 127.0.0.11 answers again.
  // Podman's service is not what holds containers: they, conmon and aardvark-dns run on, and names are answered.
  async kill(): Promise<void> {
    await this.#end('SIGKILL', 30_000)
  }

  // An orderly end: dockerd stops its containers first, which takes up to 10 s for one that ignores SIGTERM.
  async stop(): Promise<void> {
    await this.#end('SIGTERM', 60_000)
  }

  async restart(flags: string[] = []): Promise<void> {
    await this.stop()
    await this.start(flags)
  }

  get pid(): number | undefined {
    try {
      return Number(readFileSync(this.pidFile, 'utf8')) || undefined
    } catch {
      return undefined
    }
  }

  answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const ping = request(
        { socketPath: this.socket, path: '/_ping', timeout: 2000, agent: false },
        (reply) => {
          reply.resume().once('end', () => resolve(reply.statusCode === 200))
        },
      )
      ping.once('timeout', () => ping.destroy(new Error('timeout')))
      ping.once('error', () => resolve(false))
      ping.end()
    })
  }

  logTail(lines = 20): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  #dockerService(flags: string[]): Service {
    return { words: ['dockerd', ...this.#flags(), ...flags], env: process.env }
  }

  #flags(): string[] {
    return [
      ['--host', this.host],
      ['--data-root', join(this.state, 'data')],
      ['--exec-root', join(this.state, 'exec')],
      ['--pidfile', this.pidFile],
      // Not through systemd, which knows nothing of this process namespace.
      ['--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ['--cgroup-parent', this.group],
      // Addresses for benchmarks (RFC 2544), so that nothing here looks like a network of the machine.
      ['--default-address-pool', 'base=198.18.0.0/15,size=24'],
      ['--bip', '198.19.255.1/24'],
      ['--experimental', '--ip6tables'],
    ].flat()
  }

  async #answered(deadlineMs: number): Promise<void> {
    const deadline = Date.now() + deadlineMs
    while (!(await this.answers())) {
      if (Date.now() > deadline) throw new Error(`no answer on ${this.socket} within ${deadlineMs} ms`)
      await sleep(20)
    }
  }

  async #end(signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
    const { pid } = this
    if (!pid || !isAlive(pid)) return
    process.kill(pid, signal)
    const deadline = Date.now() + deadlineMs
    while (isAlive(pid)) {
      if (Date.now() > deadline)
        throw new Error(`the engine (${pid}) did not end within ${deadlineMs} ms of ${signal}`)
      await sleep(10)
    }
    // A stale file with a number that is in use again would keep the next dockerd from starting.
    rmSync(this.pidFile, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

// The engine this process was launched beside, where it is a private one.
export function privateEngine(): Engine | undefined {
  const { BERTH_ENGINE_PRIVATE, BERTH_ENGINE_STATE, BERTH_ENGINE_ROOT } = process.env
  if (BERTH_ENGINE_PRIVATE !== '1' || !BERTH_ENGINE_STATE) return undefined
  return new Engine(BERTH_ENGINE_STATE, BERTH_ENGINE_ROOT)
}
