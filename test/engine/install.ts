// Installs what the engine tests need from Debian packages: tools on the system, engines into a cache folder.
import { execFile, spawn } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findMirror } from './sources.ts'

export type Version = '20.10' | '26.1' | '28' | 'podman'
// `bin` goes first on the PATH; `compose` is Docker Compose v2; `root`, of Podman: what is laid over the machine's files.
export type Binaries = { version: Version; bin: string; compose: string; root?: string }

export const versions: Version[] = ['28', '26.1', '20.10', 'podman']

// runc is the system's own for both engines: another release's may want another libc.
const tools = [
  'iptables',
  'iproute2',
  'runc',
  'bind9-dnsutils',
  'util-linux',
  'libdevmapper1.02.1',
  'libsystemd0',
  // A socket proxy for berth, load, other clients, and compilers for stubs.
  'haproxy',
  'dnsperf',
  'knot-dnsutils',
  'gcc',
  'libc6-dev',
  'musl-tools',
]

// Engines are unpacked, never installed: an installed one would start a daemon on the machine itself.
// The static busybox (the test image) is unpacked too, since its package would push out `busybox`.
const engine = ['docker.io', 'containerd', 'tini', 'busybox-static']
const parts: Record<Exclude<Version, 'podman'>, { release: string; packages: string[] }[]> = {
  '20.10': [
    { release: 'bookworm', packages: engine },
    { release: 'trixie', packages: ['docker-compose'] },
  ],
  '26.1': [{ release: 'trixie', packages: [...engine, 'docker-cli', 'docker-compose'] }],
  '28': [{ release: 'forky', packages: [...engine, 'docker-cli', 'docker-compose', 'tini-static'] }],
}
// Podman with all that it needs, libc and all. catatonit is what a pod's own container runs; the last spares it the whole
// of systemd.
const podman = {
  release: 'forky',
  major: '5',
  packages: [
    ...['podman', 'crun', 'netavark', 'aardvark-dns', 'nftables', 'catatonit'],
    'systemd-standalone-sysusers',
  ],
}

const run = promisify(execFile)
const isRoot = () => process.getuid?.() === 0

// Where the engines and apt's log are kept: BERTH_ENGINE_CACHE, /var/cache/berth-engine or the temporary folder.
export function cacheFolder(): string {
  const fallback = join(tmpdir(), `berth-engine-cache-${process.getuid?.() ?? 0}`)
  const wanted = process.env.BERTH_ENGINE_CACHE
  for (const folder of wanted ? [wanted] : ['/var/cache/berth-engine', fallback]) {
    try {
      mkdirSync(folder, { recursive: true })
      accessSync(folder, constants.W_OK)
      return folder
    } catch {}
  }
  throw new Error(
    `cannot write to ${wanted ?? fallback}: set BERTH_ENGINE_CACHE to a folder that can be written to`,
  )
}

// Installs the packages that are missing. Those with a service of their own name, `servers`, are not started, now or at
// boot. Gives the reason why that can't be done, or nothing.
export async function installPackages(names: string[], servers: string[] = []): Promise<string | undefined> {
  const all = [...names, ...servers]
  if (!hasApt()) return `no apt-get here to install ${all.join(', ')}: install their programs by hand`
  const missing = await missingPackages(all)
  if (missing.length === 0) return undefined
  if (!isRoot()) return `missing packages: run as root \`apt-get install ${missing.join(' ')}\``
  console.log(`Installing ${missing.join(', ')} …`)
  const install = ['install', '-y', '--no-install-recommends', ...missing]
  const allowStarts = forbidStarts(servers.filter((name) => missing.includes(name)))
  try {
    await apt(install).catch(async () => {
      // Most likely the package lists are old, or not there at all.
      await apt(['update'])
      await apt(install)
    })
    return undefined
  } catch (error) {
    return String(error)
  } finally {
    allowStarts()
  }
}

// Masks the services for good; as long as packages are installed, init scripts are told to start nothing (Debian's
// policy-rc.d). Gives what takes the latter back.
function forbidStarts(services: string[]): () => void {
  if (services.length === 0) return () => {}
  const units = '/etc/systemd/system'
  mkdirSync(units, { recursive: true })
  for (const service of services) {
    const unit = join(units, `${service}.service`)
    if (!existsSync(unit)) symlinkSync('/dev/null', unit)
  }
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(policy, { force: true })
}

// Puts an engine into the cache. Gives its programs, or the reason why it can't be had.
export async function installEngine(version: Version): Promise<Binaries | string> {
  if (!isRoot()) return 'a private engine needs root'
  try {
    const why = await installPackages(tools)
    if (why) return why
    await installPrometheus()
    const folder = join(cacheFolder(), version)
    if (version === 'podman') return await installPodman(folder)
    if (!existsSync(folder)) await unpackEngine(version, folder)
    const bin = join(folder, 'bin')
    const { stdout } = await run(join(bin, 'dockerd'), ['--version'])
    if (!stdout.includes(`version ${version}.`)) {
      return `${bin}/dockerd is ${stdout.trim()}, not ${version}: remove ${folder} and try again`
    }
    return { version, bin, compose: join(bin, 'docker-compose') }
  } catch (error) {
    return `engine ${version} can't be installed: ${error instanceof Error ? error.message : error}`
  }
}

// Everything is put together beside its place and moved there at the end: a folder that is there is complete.
async function unpackEngine(version: Exclude<Version, 'podman'>, folder: string): Promise<void> {
  console.log(`Unpacking Docker engine ${version} into ${folder} …`)
  const scratch = mkdtempSync(join(cacheFolder(), `${version}.new.`))
  try {
    const root = join(scratch, 'root')
    for (const { release, packages } of parts[version]) {
      const debs = join(scratch, 'debs')
      await download(release, packages, debs)
      for (const deb of readdirSync(debs)) await run('dpkg', ['-x', join(debs, deb), root])
      rmSync(debs, { recursive: true })
    }
    mkdirSync(join(scratch, 'bin'))
    for (const name of ['docker', 'dockerd', 'docker-proxy', 'containerd', 'containerd-shim-runc-v2']) {
      link(scratch, name, [`usr/bin/${name}`, `usr/sbin/${name}`])
    }
    link(scratch, 'docker-init', ['usr/bin/docker-init', 'usr/bin/tini-static', 'usr/bin/tini'])
    link(scratch, 'busybox', ['bin/busybox', 'usr/bin/busybox'])
    link(scratch, 'docker-compose', [
      'usr/bin/docker-compose',
      'usr/libexec/docker/cli-plugins/docker-compose',
    ])
    // Only another launcher that was quicker can have made it meanwhile: its copy is as good.
    if (!existsSync(folder)) renameSync(scratch, folder)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

// Podman is asked with the docker command and Compose of the newest Docker.
async function installPodman(folder: string): Promise<Binaries | string> {
  const docker = await installEngine('28')
  if (typeof docker === 'string') return docker
  if (!existsSync(folder)) await unpackPodman(folder)
  const version = readFileSync(join(folder, 'version'), 'utf8')
  if (!version.startsWith(`${podman.major}.`)) {
    return `${folder} holds Podman ${version}, not ${podman.major}: tell test/engine/install.ts of the new one, or remove the folder`
  }
  return { ...docker, version: 'podman', root: join(folder, 'root') }
}

async function unpackPodman(folder: string): Promise<void> {
  console.log(`Unpacking Podman into ${folder} …`)
  const scratch = mkdtempSync(`${folder}.new.`)
  try {
    const [debs, root] = [join(scratch, 'debs'), join(scratch, 'root')]
    await download(podman.release, podman.packages, debs, { whole: true })
    for (const deb of readdirSync(debs)) await run('dpkg', ['-x', join(debs, deb), root])
    const deb = readdirSync(debs).find((name) => name.startsWith('podman_'))!
    const { stdout } = await run('dpkg-deb', ['--field', join(debs, deb), 'Version'])
    writeFileSync(join(scratch, 'version'), stdout.trim())
    rmSync(debs, { recursive: true })
    // The machine has its own.
    for (const name of ['doc', 'info', 'locale', 'man']) {
      rmSync(join(root, 'usr/share', name), { recursive: true, force: true })
    }
    if (!existsSync(folder)) renameSync(scratch, folder)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

// Prometheus and promtool. Unpacked for the same reason as engines. Needs no root, but Debian.
export async function installPrometheus(): Promise<void> {
  const folder = prometheusFolder()
  if (existsSync(folder)) return
  console.log(`Unpacking Prometheus into ${folder} …`)
  const scratch = mkdtempSync(join(cacheFolder(), 'prometheus.new.'))
  try {
    await download('bookworm', ['prometheus'], join(scratch, 'debs'))
    for (const deb of readdirSync(join(scratch, 'debs'))) {
      await run('dpkg', ['-x', join(scratch, 'debs', deb), join(scratch, 'root')])
    }
    if (!existsSync(folder)) renameSync(join(scratch, 'root/usr/bin'), folder)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export const prometheusFolder = (): string => join(cacheFolder(), 'prometheus')

function link(folder: string, name: string, places: string[]): void {
  const place = places.find((path) => existsSync(join(folder, 'root', path)))
  if (!place) throw new Error(`the packages hold no ${name} (looked for ${places.join(', ')})`)
  symlinkSync(join('../root', place), join(folder, 'bin', name))
}

// Downloads from a given Debian release, on the mirror the system uses, without touching the system's own lists. `whole`:
// with all that they need to run, as if nothing were installed here.
export async function download(
  release: string,
  packages: string[],
  folder: string,
  { whole = false } = {},
): Promise<void> {
  const mirror = systemMirror()
  const base = mkdtempSync(join(cacheFolder(), 'apt.'))
  try {
    for (const name of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(base, name), { recursive: true })
    mkdirSync(folder, { recursive: true })
    const keyring = mirror.signedBy ?? '/usr/share/keyrings/debian-archive-keyring.gpg'
    const options = existsSync(keyring) ? `[signed-by=${keyring}] ` : ''
    writeFileSync(join(base, 'sources.list'), `deb ${options}${mirror.uri} ${release} main\n`)
    const settings = [
      `Dir::Etc::sourcelist=${base}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${base}/lists`,
      `Dir::Cache=${base}/cache`,
      'Acquire::Languages=none',
      'APT::Sandbox::User=root',
    ].flatMap((setting) => ['-o', setting])
    await apt([...settings, 'update'])
    if (whole) await downloadWhole([...settings, '-o', `Dir::Cache::archives=${folder}`], packages, folder)
    else await apt([...settings, 'download', ...packages.map((name) => `${name}/${release}`)], folder)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

// apt leaves behind a lock and a folder for what is under way.
async function downloadWhole(settings: string[], packages: string[], folder: string): Promise<void> {
  mkdirSync(join(folder, 'partial'))
  const empty = ['-o', 'Dir::State::status=/dev/null', '-o', 'Debug::NoLocking=1']
  const install = ['install', '-y', '--no-install-recommends', '--download-only', ...packages]
  await apt([...settings, ...empty, ...install])
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.deb')) rmSync(join(folder, name), { recursive: true })
  }
}

function systemMirror() {
  const system = readFileSync('/etc/os-release', 'utf8')
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(system)?.[1]
  if (!hasApt() || !/^ID="?debian/m.test(system) || !codename) {
    throw new Error('private engines come from Debian packages, and this is not Debian')
  }
  const folder = '/etc/apt/sources.list.d'
  const files = ['/etc/apt/sources.list']
  if (existsSync(folder)) files.push(...readdirSync(folder).map((name) => join(folder, name)))
  const lists = files.filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
  const mirror = findMirror(
    lists.map((file) => readFileSync(file, 'utf8')),
    codename,
  )
  if (!mirror) throw new Error(`no Debian mirror for ${codename} in /etc/apt/sources.list or ${folder}`)
  return mirror
}

const hasApt = () => existsSync('/usr/bin/apt-get')

async function missingPackages(names: string[]): Promise<string[]> {
  const format = `\${Package} \${db:Status-Status}\n`
  // dpkg-query fails when it doesn't know one of the names, and lists the others all the same.
  const query = run('dpkg-query', ['-W', '-f', format, ...names]).catch(
    (error) => error as { stdout?: string },
  )
  const lines = ((await query).stdout ?? '').split('\n')
  return names.filter((name) => !lines.includes(`${name} installed`))
}

// apt talks to a log; of an error its own `E:` lines are shown, with the place of the rest.
async function apt(args: string[], cwd = '/'): Promise<void> {
  const log = join(cacheFolder(), 'apt.log')
  const output = openSync(log, 'w')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3']
  const child = spawn('apt-get', [...options, ...args], { cwd, env, stdio: ['ignore', output, output] })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve))
  closeSync(output)
  if (code === 0) return
  const errors = readFileSync(log, 'utf8').match(/^(E:|Err:|dpkg:).*/gm) ?? []
  const what = args.find((arg) => /^(install|update|download)$/.test(arg))
  throw new Error([`apt-get ${what} failed (all of it in ${log})`, ...errors.slice(-5)].join('\n  '))
}
