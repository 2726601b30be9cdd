// Stand-ins for images of a registry, under their own names: this machine's programs, their libraries, and a busybox.
import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface StandIn {
  /** The image's name at the registry. */
  readonly name: string
  /** Path in the image → program on this machine; the libraries come along. */
  readonly programs?: Readonly<Record<string, string>>
  /** Path in the image → file or folder on this machine. */
  readonly copies?: Readonly<Record<string, string>>
  /** Path in the image → what is in the file. */
  readonly texts?: Readonly<Record<string, string>>
  /** Path in the image → where the link leads. */
  readonly links?: Readonly<Record<string, string>>
  /** Folders anybody may write to. */
  readonly folders?: readonly string[]
  /** As the image's own Dockerfile says: ENV, USER, CMD, … */
  readonly changes?: readonly string[]
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const users = 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n'
const groups = 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n'

/** Whether the engine has images only if a test makes them. Others pull the real ones. */
export const isOffline = process.env.BERTH_ENGINE_PRIVATE === '1'

export async function importStandIn(image: StandIn): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'berth-standin-'))
  const place = (file: string) => {
    const full = join(root, file)
    mkdirSync(dirname(full), { recursive: true })
    return full
  }
  try {
    for (const folder of ['tmp', 'run', 'root', ...(image.folders ?? [])]) {
      mkdirSync(join(root, folder), { recursive: true })
      chmodSync(join(root, folder), 0o1777)
    }
    await layOutBusybox(place)
    for (const [file, program] of Object.entries(image.programs ?? {})) {
      copyFileSync(realpathSync(program), place(file))
      for (const library of await librariesOf(program)) {
        if (!existsSync(join(root, library))) copyFileSync(library, place(library))
      }
    }
    for (const [file, source] of Object.entries(image.copies ?? {})) {
      cpSync(source, place(file), { recursive: true, verbatimSymlinks: true })
    }
    const texts = { '/etc/passwd': users, '/etc/group': groups, ...image.texts }
    for (const [file, text] of Object.entries(texts)) writeFileSync(place(file), text)
    for (const [file, target] of Object.entries(image.links ?? {})) symlinkSync(target, place(file))
    const changes = [`ENV PATH=${path}`, ...(image.changes ?? [])].flatMap((line) => ['--change', line])
    await run('sh', [
      '-c',
      'tar -C "$1" -c . | { shift; docker import "$@"; }',
      'sh',
      root,
      ...changes,
      '-',
      image.name,
    ])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function layOutBusybox(place: (file: string) => string): Promise<void> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const busybox = folders.map((folder) => join(folder, 'busybox')).find((file) => existsSync(file))!
  copyFileSync(realpathSync(busybox), place('/bin/busybox'))
  const { stdout } = await run(busybox, ['--list'])
  for (const applet of stdout.trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('/bin/busybox', place(`/bin/${applet}`))
  }
  symlinkSync('/bin/busybox', place('/usr/bin/env'))
}

/** What the loader would load, the loader itself included. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [realpathSync(program)]).catch(() => ({ stdout: '' }))
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, file]) => file!)
}

/** What Debian's C library has besides, and packages with native code want (rolldown): Node itself does without. */
async function restOfLibc(): Promise<Record<string, string>> {
  const libc = (await librariesOf(process.execPath)).find((file) => basename(file) === 'libc.so.6')
  const file = libc === undefined ? '' : join(dirname(libc), 'librt.so.1')
  return existsSync(file) ? { [file]: realpathSync(file) } : {}
}

/** Node's own image: its Node is this machine's, its npm and certificates too. */
export async function importNode(name: string): Promise<void> {
  const { stdout } = await run('npm', ['config', 'get', 'cafile'])
  const bundle = stdout.trim()
  const certificates = bundle === 'null' ? '/etc/ssl/certs/ca-certificates.crt' : bundle
  const npm = realpathSync(join(dirname(realpathSync((await run('which', ['npm'])).stdout.trim())), '..'))
  await importStandIn({
    name,
    programs: { '/usr/local/bin/node': process.execPath },
    copies: {
      ...{ '/usr/local/lib/node_modules/npm': npm, '/etc/ssl/certs/ca-certificates.crt': certificates },
      ...(await restOfLibc()),
    },
    texts: { '/usr/local/etc/npmrc': 'cafile=/etc/ssl/certs/ca-certificates.crt\n' },
    links: { '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js' },
    changes: ['CMD ["node"]'],
  })
}

/** The images of compose.example.yml that are not ours, under the names it has for them. */
export async function importNeighbours(prometheus: string): Promise<void> {
  await importStandIn({ name: 'busybox:1.37', changes: ['CMD ["sh"]'] })
  await importStandIn({
    name: 'haproxy:3.0',
    programs: { '/usr/local/sbin/haproxy': '/usr/sbin/haproxy' },
    changes: [
      'USER 99',
      'STOPSIGNAL SIGUSR1',
      'CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]',
    ],
  })
  await importStandIn({
    name: 'prom/prometheus:v3.5.0',
    programs: { '/bin/prometheus': prometheus },
    folders: ['prometheus'],
    changes: [
      'USER nobody',
      'WORKDIR /prometheus',
      'ENTRYPOINT ["/bin/prometheus"]',
      'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]',
    ],
  })
}
