// An image with two real stub resolvers in it: the same small program, linked with glibc and with musl.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { docker } from '../docker.ts'
import { importStandIn } from '../image/standin.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('lookup.c', import.meta.url))

export const image = 'berth-stubs:1'
export const libraries = ['glibc', 'musl'] as const
export type Library = (typeof libraries)[number]

export interface Lookup {
  readonly name: string
  readonly ms: number
  /** Addresses, or the library's words for why there are none. */
  readonly told: string
  readonly found: boolean
}

export async function ensureStubImage(): Promise<void> {
  if ((await docker('image', 'ls', '--quiet', image)) !== '') return
  const folder = mkdtempSync(join(tmpdir(), 'berth-stubs-'))
  try {
    await run('gcc', ['-O1', '-o', join(folder, 'glibc'), source])
    await run('musl-gcc', ['-O1', '-static', '-o', join(folder, 'musl'), source])
    await importStandIn({
      name: image,
      programs: { '/bin/lookup-glibc': join(folder, 'glibc'), '/bin/lookup-musl': join(folder, 'musl') },
      texts: { '/etc/nsswitch.conf': 'hosts: files dns\n' },
      changes: ['CMD ["sleep", "1000000"]', 'STOPSIGNAL SIGKILL'],
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All names at the same time, by the library's own stub in that container. */
export async function lookUp(
  container: string,
  library: Library,
  names: readonly string[],
): Promise<Lookup[]> {
  const stdout = await docker('exec', container, `lookup-${library}`, ...names)
  const lines = stdout.split('\n').map((line) => /^(\S+) (\d+) (.*)$/.exec(line)!)
  return names.map((name) => {
    const [, , ms, told] = lines.find(([, named]) => named === name)!
    return { name, ms: Number(ms), told: told!, found: /^[\d. ]+$/.test(told!) }
  })
}
