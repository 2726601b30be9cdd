// A checkout of berth whose build is measured: whether it can be run, and which state of the code it is.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface Checkout {
  readonly folder: string
  /** What Node runs. */
  readonly program: string
  /** Version and commit, as far as they can be told. */
  readonly state: string
  /** The build is older than what it was built from. */
  readonly isStale: boolean
}

/** Throws with what is missing, and the command that brings it. */
export function readCheckout(path: string): Checkout {
  const folder = resolve(path)
  const program = join(folder, 'dist/main.js')
  const about = readPackage(folder)
  if (about?.name !== 'berth') throw new Error(`${folder} is no checkout of berth: its package.json says so`)
  const packages = Object.keys({ ...about.dependencies, ...about.optionalDependencies })
  const missing = packages.filter((name) => !existsSync(join(folder, 'node_modules', name)))
  if (missing.length > 0) {
    // Without koffi it would run, and serve UDP in another way than it is meant to.
    const what = missing.map((name) => `node_modules/${name}`).join(', ')
    throw new Error(`${folder} has no ${what}: run \`npm ci --ignore-scripts && npm run build\` there`)
  }
  if (!existsSync(program)) throw new Error(`${folder} has no dist/main.js: run \`npm run build\` there`)
  return {
    ...{ folder, program, state: stateOf(folder, about.version) },
    isStale: newest(join(folder, 'src')) > statSync(program).mtimeMs,
  }
}

interface Package {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: object
  readonly optionalDependencies?: object
}

function readPackage(folder: string): Package | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) ?? undefined
  } catch {
    return undefined
  }
}

function stateOf(folder: string, version = 'unknown version'): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    // A folder without a repository of its own would tell that of a folder above it.
    if (git('rev-parse', '--show-prefix').trim() !== '') return version
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${version}, ${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? ' with changes' : ''}`
  } catch {
    return version
  }
}

/** When the last of its files was changed, ms. */
function newest(folder: string): number {
  if (!existsSync(folder)) return 0
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  return Math.max(0, ...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs))
}
