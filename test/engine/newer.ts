// Servers of Debian's next release, beside the system's own: unpacked with all that they need, and run on that release's
// own libraries. Nothing is installed. Tests that start a server take these where `bin` is first on the PATH.
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, download } from './install.ts'

const release = 'forky'
const servers = {
  unbound: { package: 'unbound', path: 'usr/sbin/unbound' },
  dnsmasq: { package: 'dnsmasq-base', path: 'usr/sbin/dnsmasq' },
  'aardvark-dns': { package: 'aardvark-dns', path: 'usr/lib/podman/aardvark-dns' },
} as const
/** What spares two of them the whole of systemd. */
const small = 'systemd-standalone-sysusers'

const run = promisify(execFile)
const newerFolder = (): string => join(cacheFolder(), `${release}-servers`)

/** Puts them into the cache, unless they are there. Gives the reason why that can't be done, or nothing. */
export async function installNewer(): Promise<string | undefined> {
  const folder = newerFolder()
  if (existsSync(folder)) return undefined
  console.log(`Unpacking servers of Debian ${release} into ${folder} …`)
  const scratch = mkdtempSync(`${folder}.new.`)
  try {
    await fill(scratch)
    // Another one may have been quicker: its copy is as good.
    if (!existsSync(folder)) renameSync(scratch, folder)
    return undefined
  } catch (error) {
    return `servers of Debian ${release} can't be had: ${error instanceof Error ? error.message : error}`
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** What is started like any other program, and Debian's version of it. */
export function newer(name: keyof typeof servers): { program: string; version: string } {
  const program = join(newerFolder(), 'bin', name)
  return { program, version: readFileSync(`${program}.version`, 'utf8') }
}

async function fill(scratch: string): Promise<void> {
  const [debs, root] = [join(scratch, 'debs'), join(scratch, 'root')]
  const packages = Object.values(servers).map((server) => server.package)
  await download(release, [...packages, small], debs, { whole: true })
  const files = readdirSync(debs)
  for (const file of files) await run('dpkg', ['-x', join(debs, file), root])
  mkdirSync(join(scratch, 'bin'))
  for (const [name, server] of Object.entries(servers)) {
    const program = join(scratch, 'bin', name)
    const deb = files.find((file) => file.startsWith(`${server.package}_`))!
    const { stdout: version } = await run('dpkg-deb', ['--field', join(debs, deb), 'Version'])
    writeFileSync(program, starter(root, server.path), { mode: 0o755 })
    writeFileSync(`${program}.version`, version.trim())
  }
  rmSync(debs, { recursive: true })
}

/** The release's own loader starts the program: the machine's has an older libc. */
function starter(root: string, path: string): string {
  if (!existsSync(join(root, path))) throw new Error(`the packages hold no ${path}`)
  const folder = readdirSync(join(root, 'usr/lib')).find((name) => /-linux-gnu/.test(name)) ?? ''
  const loader = readdirSync(join(root, 'usr/lib', folder)).find((name) => /^ld-linux/.test(name))
  if (loader === undefined) throw new Error(`the packages hold no loader in usr/lib/${folder}`)
  const libraries = `$root/usr/lib/${folder}`
  const flags = `--inhibit-cache --library-path "${libraries}" --argv0 "$0"`
  return `#!/bin/sh\nroot=\${0%/bin/*}/root\nexec "${libraries}/${loader}" ${flags} "$root/${path}" "$@"\n`
}
