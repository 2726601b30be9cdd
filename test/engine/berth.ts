// berth itself as tests run it: the built command, in the engine's host namespace or in a container's.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { dnsPort, onNetworkOf, until } from './docker.ts'

export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface LogLine {
  level: string
  msg: string
  [field: string]: unknown
}

export interface Berth {
  readonly config: string
  readonly lines: LogLine[]
  readonly child: ChildProcess
  /** Waits for a line with this message. */
  logged(msg: string, deadlineMs?: number): Promise<LogLine>
  /** What it found by its lists and looks at the past, and no event had told it: nothing, as long as events come. */
  foundLate(): LogLine[]
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>
}

/** `*:53` is meant as "on every network". */
function atDnsPort(config: object): object {
  const { listen } = config as { listen?: readonly string[] }
  if (listen === undefined) return config
  return { ...config, listen: listen.map((where) => (where === '*:53' ? `*:${dnsPort}` : where)) }
}

/**
 * Starts `berth serve` with this configuration and waits for `ready`. With `resolvConf`, that file is its
 * /etc/resolv.conf, mounted as Docker mounts it for containers. `within`: words before the command; `node`: Node's own
 * options; `patience`: how long `ready` may take, ms; `program`: another build's main.js.
 */
export async function startBerth(
  config: object,
  where: string | 'host' = 'host',
  {
    resolvConf,
    within = [],
    node = [],
    patience = 60_000,
    program = main,
  }: {
    resolvConf?: string
    within?: readonly string[]
    node?: readonly string[]
    patience?: number
    program?: string
  } = {},
): Promise<Berth> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-serve-'))
  chmodSync(folder, 0o755)
  const file = join(folder, 'berth.yml')
  writeFileSync(file, stringify(atDnsPort(config)))
  const place = where === 'host' ? [] : await onNetworkOf(where)
  const mounted =
    resolvConf === undefined
      ? []
      : ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolvConf]
  const words = [
    ...place,
    ...within,
    ...mounted,
    process.execPath,
    ...node,
    program,
    'serve',
    '--config',
    file,
  ]
  // The tests' own BERTH_ variables are none of its settings.
  const env = { PATH: process.env.PATH, DOCKER_HOST: process.env.DOCKER_HOST }
  const child = spawn(words[0]!, words.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const lines: LogLine[] = []
  let rest = ''
  const take = (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    for (const part of parts) {
      try {
        lines.push(JSON.parse(part))
      } catch {
        lines.push({ level: 'stderr', msg: part })
      }
    }
  }
  child.stdout!.on('data', take)
  child.stderr!.on('data', take)
  const berth: Berth = {
    config: file,
    lines,
    child,
    logged: (msg, deadlineMs = 60_000) =>
      until(() => lines.find((line) => line.msg === msg), {
        what: `berth logs '${msg}'`,
        deadlineMs,
      }) as Promise<LogLine>,
    foundLate: () =>
      lines.filter(({ msg }) =>
        /event stream .* missed events|shows changes that its events did not/.test(msg),
      ),
    async stop() {
      child.kill('SIGTERM')
      const code = await exited
      rmSync(folder, { recursive: true, force: true })
      return code
    },
  }
  await berth.logged('ready', patience).catch((error) => {
    child.kill('SIGKILL')
    throw new Error(`${error.message}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`)
  })
  return berth
}
