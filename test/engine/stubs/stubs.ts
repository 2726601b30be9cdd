// Real stubs in a container: a small getaddrinfo program, built with glibc and with musl, on top of the test image.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { docker } from '../docker.ts'
import { image } from '../image.ts'

export const stubImage = 'berth-stubs:1'

/** The C libraries, each with the compiler that builds with it. */
export const libraries = { glibc: 'gcc', musl: 'musl-gcc' } as const
export type Library = keyof typeof libraries

export interface Lookup {
  readonly name: string
  readonly ms: number
  /** ok, NONAME, AGAIN … */
  readonly result: string
  /** Sorted. */
  readonly addresses: readonly string[]
}

const run = promisify(execFile)
const source = fileURLToPath(new URL('lookup.c', import.meta.url))

export async function buildStubs(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-stubs-'))
  try {
    const bin = join(folder, 'root/bin')
    const etc = join(folder, 'root/etc')
    for (const path of [bin, etc]) mkdirSync(path, { recursive: true })
    for (const [library, compiler] of Object.entries(libraries)) {
      await run(compiler, ['-Os', '-static', '-o', join(bin, `lookup-${library}`), source])
    }
    writeFileSync(join(etc, 'nsswitch.conf'), 'hosts: files dns\n')
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${image}\nCOPY root /\n`)
    await docker('build', '-q', '-t', stubImage, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Looks names up in a container, one after the other, as a program there would. */
export async function lookUp(
  container: string,
  library: Library,
  names: readonly string[],
): Promise<Map<string, Lookup>> {
  const printed = await docker('exec', container, `/bin/lookup-${library}`, ...names)
  const lookups = printed.split('\n').map((line) => {
    const [name = '', ms, result = '', ...addresses] = line.split(' ')
    return { name, ms: Number(ms), result, addresses: addresses.sort() }
  })
  return new Map(lookups.map((lookup) => [lookup.name, lookup]))
}
