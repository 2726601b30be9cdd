// Runs a command beside an engine, Docker or Podman: a private one in namespaces of its own, or one that is already there.
//
//   npx tsx test/engine/launch.ts [28|26.1|20.10|podman] COMMAND [ARGUMENT…]
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { offerWayOut } from './image/wayout.ts'
import { ensureImage } from './image.ts'
import { type Binaries, installEngine, type Version, versions } from './install.ts'
import { clientFolder } from './podman.ts'

export type Place =
  | { kind: 'private'; version: string; binaries: Binaries }
  | { kind: 'reachable'; version: string; host: string }
  | { kind: 'none'; why: string }

/** This terminal, or an open file. */
type Output = 'inherit' | number

const run = promisify(execFile)
const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

// Where tests for an engine of this version can run. A reachable engine has the version it has.
export async function findPlace(version: Version): Promise<Place> {
  const binaries = await installEngine(version)
  const refusal = typeof binaries === 'string' ? binaries : await tryNamespaces()
  if (typeof binaries !== 'string' && !refusal) return { kind: 'private', version, binaries }
  const host = await reachableHost()
  if (host) return { kind: 'reachable', ...host }
  return {
    kind: 'none',
    why: `${refusal}, and no Docker engine answers at DOCKER_HOST or /var/run/docker.sock`,
  }
}

async function tryNamespaces(): Promise<string | undefined> {
  return run('unshare', [...namespaces, 'true']).then(
    () => undefined,
    (error) => `namespaces are not permitted here (${error.stderr?.trim() || error.message})`,
  )
}

async function reachableHost(): Promise<{ host: string; version: string } | undefined> {
  const ask = async (...args: string[]) => (await run('docker', args, { timeout: 20_000 })).stdout.trim()
  try {
    const host =
      process.env.DOCKER_HOST || (await ask('context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'))
    const told = await ask('--host', host, 'version', '--format', '{{json .Server}}')
    const server = JSON.parse(told) as { Version: string; Components?: { Name: string }[] }
    const isPodman = server.Components?.some(({ Name }) => Name.startsWith('Podman')) ?? false
    return { host, version: isPodman ? 'podman' : server.Version.split('.').slice(0, 2).join('.') }
  } catch {
    return undefined
  }
}

// Runs the command in that place, with this terminal or what it says going to `output`; gives its exit code (128 + number
// for a signal).
export async function launch(
  where: Version | Place,
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  output: Output = 'inherit',
): Promise<number> {
  const place = typeof where === 'string' ? await findPlace(where) : where
  if (place.kind === 'none') throw new Error(place.why)
  const state = mkdtempSync(join(realpathSync(tmpdir()), 'berth-engine-'))
  try {
    // What the command leaves in its temporary folder goes with the state.
    const temporary = join(state, 'tmp')
    mkdirSync(temporary)
    const settings = {
      ...process.env,
      ...env,
      BERTH_ENGINE: place.version,
      BERTH_ENGINE_STATE: state,
      TMPDIR: temporary,
    }
    if (place.kind === 'private') {
      const wayOut = join(state, 'way-out.sock')
      const close = await offerWayOut(wayOut)
      const beside = { ...settings, BERTH_ENGINE_WAY_OUT: wayOut }
      return await launchPrivate(place.binaries, command, args, beside, output).finally(close)
    }
    const beside: NodeJS.ProcessEnv = { ...settings, DOCKER_HOST: place.host }
    delete beside.BERTH_ENGINE_PRIVATE
    await ensureImage(beside)
    return await runCommand(command, args, beside, { output })
  } finally {
    // Inside everything is removed already, unless it came to a bad end.
    if (existsSync(state)) await removeRemains(place, state)
  }
}

// Processes and mounts went with the namespaces; files and the control group's empty folders stay.
async function removeRemains(place: Place, state: string): Promise<void> {
  rmSync(state, { recursive: true, force: true })
  if (place.kind !== 'private') return
  const script =
    'mount -t cgroup2 none /sys/fs/cgroup && cd /sys/fs/cgroup && find "$1" -depth -type d -delete'
  await run('unshare', ['--mount', 'sh', '-c', script, 'sh', basename(state)]).catch(() => {})
}

function launchPrivate(
  binaries: Binaries,
  command: string,
  args: string[],
  settings: NodeJS.ProcessEnv,
  output: Output,
) {
  const own = binaries.root === undefined ? [] : [clientFolder(settings.BERTH_ENGINE_STATE!)]
  const env = {
    ...settings,
    PATH: [...own, binaries.bin, settings.PATH, '/usr/sbin', '/sbin'].join(delimiter),
    DOCKER_HOST: `unix://${settings.BERTH_ENGINE_STATE}/docker.sock`,
    BERTH_ENGINE_PRIVATE: '1',
    COMPOSE: binaries.compose,
    ...(binaries.root === undefined ? {} : { BERTH_ENGINE_ROOT: binaries.root }),
  }
  const inside = fileURLToPath(new URL('inside.ts', import.meta.url))
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), inside, command, ...args]
  // The first process of a namespace has to collect the orphans: the shell does while it waits, Node would not.
  return runCommand('unshare', [...namespaces, 'sh', '-c', '"$@"; exit $?', 'sh', ...node], env, {
    attached: true,
    output,
  })
}

// Runs a command with this terminal and passes signals on. With `attached` it is told of them over a channel,
// since unshare itself holds them back.
export async function runCommand(
  command: string,
  args: string[],
  env = process.env,
  { attached = false, output = 'inherit' }: { attached?: boolean; output?: Output } = {},
) {
  const stdio: (Output | 'ipc')[] = ['inherit', output, output]
  const child = spawn(command, args, { env, stdio: attached ? [...stdio, 'ipc'] : stdio })
  const stop = (signal: NodeJS.Signals) => {
    if (!attached) child.kill(signal)
    else if (child.connected) child.send('stop', () => {})
  }
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, stop)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]))
    })
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}

async function main(argv: string[]): Promise<number> {
  const version = versions.find((name) => name === argv[0])
  const [command, ...args] = version ? argv.slice(1) : argv
  if (!command) {
    console.error(`usage: npx tsx test/engine/launch.ts [${versions.join('|')}] COMMAND [ARGUMENT…]`)
    return 2
  }
  return launch(version ?? '26.1', command, args)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2))
    .catch((error) => {
      console.error(`launch: ${error instanceof Error ? error.message : error}`)
      return 1
    })
    .then((code) => process.exit(code))
}
