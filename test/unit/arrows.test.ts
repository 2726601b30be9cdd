// Dependencies point one way (ARCHITECTURE.md, "Folders"): who may import whom, and who may do I/O or read a clock.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { arrows } from './arrows.ts'

const src = fileURLToPath(new URL('../../src/', import.meta.url))

interface Import {
  readonly from: string
  readonly target: string
  readonly typeOnly: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const texts = new Map(files.map((file) => [file, readFileSync(src + file, 'utf8')]))

/** Without comments, so that words in them don't count. */
const codeOf = (file: string) => texts.get(file)!.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')

const statement = /^(?:import|export)\s+(type\s+)?([^'";]*?\sfrom\s+)?'([^']+)'/gm
const dynamic = /\bimport\(\s*'([^']+)'/g

const imports: Import[] = files.flatMap((from) => {
  const code = codeOf(from)
  const found = [...code.matchAll(statement)].map(([, typed, clause, path]) => {
    const names = /\{([\s\S]*)\}/
      .exec(clause ?? '')?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '')
    const allTypes = /^\s*\{/.test(clause ?? '') && names?.every((name) => /^\s*type\s/.test(name))
    return { from, path: path!, typeOnly: typed !== undefined || allTypes === true }
  })
  const late = [...code.matchAll(dynamic)].map(([, path]) => ({ from, path: path!, typeOnly: false }))
  return [...found, ...late].map(({ path, typeOnly }) => ({
    from,
    typeOnly,
    target: path.startsWith('.') ? posix.join(posix.dirname(from), path) : path,
  }))
})

/** The room a file is in; those at the top are rooms of their own. */
const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)
const isOurs = ({ target }: Import) => texts.has(target)

/** Interfaces only: any room may import their types. */
const shapes = ['config/types.ts', 'forward/types.ts', 'net/handler.ts', 'resolve/dns-metrics.ts']

/** Rooms in which no file imports itself through others, not even for types. */
const acyclic = [
  'lib',
  'dns',
  'config',
  'registry',
  'scope',
  'fast',
  'resolve',
  'forward',
  'docker',
  'net',
  'http',
  'workers',
  'commands',
]

/** Import circles in a room, each as a path that ends where it begins. */
function circlesIn(room: string): string[] {
  const within = imports.filter((each) => roomOf(each.from) === room && roomOf(each.target) === room)
  const done = new Set<string>()
  const found: string[] = []
  function visit(file: string, path: readonly string[]): void {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file) || path.includes(file)) return
    for (const { target } of within.filter(({ from }) => from === file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const { from } of within) visit(from, [])
  return found
}

const show = (found: readonly Import[]) => found.map(({ from, target }) => `${from} → ${target}`)

describe('the arrows of the house', () => {
  it('are drawn for every room', () => {
    const rooms = [...new Set(files.map(roomOf))]
    expect(rooms.filter((room) => !(room in arrows))).toEqual([])
    expect(imports.filter(isOurs).length).toBeGreaterThan(100)
  })

  it.each(Object.keys(arrows))('%s imports only what lies below it', (room) => {
    const wrong = imports.filter((each) => {
      const target = roomOf(each.target)
      if (roomOf(each.from) !== room || !isOurs(each) || target === room) return false
      if (shapes.includes(each.target) && each.typeOnly) return false
      return !arrows[room]!.includes(target)
    })
    expect(show(wrong)).toEqual([])
  })

  it.each(acyclic)('%s has no import circle, types included', (room) => {
    expect(circlesIn(room)).toEqual([])
  })

  it('docker/api imports neither model nor sync, and model no sync', () => {
    const above = { 'docker/api/': /^docker\/(?:model|sync)\//, 'docker/model/': /^docker\/sync\// }
    const wrong = Object.entries(above).flatMap(([below, layers]) =>
      imports.filter(({ from, target }) => from.startsWith(below) && layers.test(target)),
    )
    expect(show(wrong)).toEqual([])
  })

  it('every import of our own is of a file that is there', () => {
    const missing = imports.filter(
      (each) => /^[a-z]+\/|\.ts$/.test(each.target) && each.target.endsWith('.ts'),
    )
    expect(show(missing.filter((each) => !isOurs(each)))).toEqual([])
  })

  it('http takes types alone from docker, forward and net', () => {
    const wrong = imports.filter(
      (each) =>
        roomOf(each.from) === 'http' &&
        ['docker', 'forward', 'net'].includes(roomOf(each.target)) &&
        !each.typeOnly,
    )
    expect(show(wrong)).toEqual([])
  })
})

describe('packages', () => {
  it.each([
    ['dns-packet', /^dns\/message\.ts$/],
    ['@hapi/tlds', /^dns\/public\.ts$/],
    ['prom-client', /^http\/exposition\.ts$/],
    ['undici', /^docker\/api\/http-client\.ts$/],
    ['lru-cache', /^forward\/cache\//],
    ['koffi', /^net\/linux\/libc\.ts$/],
    ['pino', /^lib\/log\.ts$/],
    ['zod', /^config\//],
    ['yaml', /^config\//],
  ])('%s is imported in its place alone', (name, place) => {
    const found = imports.filter(({ target }) => target === name || target.startsWith(`${name}/`))
    expect(found.length).toBeGreaterThan(0)
    expect(show(found.filter(({ from }) => !place.test(from)))).toEqual([])
  })
})

describe('what is pure', () => {
  const pure = files.filter((file) => /^(?:dns|registry|scope|fast|resolve)\/|^docker\/model\//.test(file))

  it('does no I/O', () => {
    const io = /^node:(?:fs|net|dgram|http|https|http2|tls|dns|child_process|worker_threads|timers)(?:\/|$)/
    const wrong = imports.filter(({ from, target }) => pure.includes(from) && io.test(target))
    expect(show(wrong)).toEqual([])
  })

  it('reads no clock, no environment and draws no lots', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.|\bMath\.random\b|(?<!\.)\bset(?:Timeout|Interval)\(/
    expect(pure.filter((file) => impure.test(codeOf(file)))).toEqual([])
  })

  it('is more than nothing', () => {
    expect(pure.length).toBeGreaterThan(20)
  })
})

it('main.ts has the only process.exit', () => {
  expect(
    files.filter((file) => file !== 'main.ts' && /\bprocess\.exit\b(?!Code)/.test(codeOf(file))),
  ).toEqual([])
})
