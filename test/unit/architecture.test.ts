// ARCHITECTURE.md against the code: every file and function it names exists, its walks stay short, its table of imports
// and its list of long files are the real ones, and no comment cites a document outside the repository.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { arrows } from './arrows.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}ARCHITECTURE.md`, 'utf8')
const read = (file: string) => readFileSync(root + file, 'utf8')
const filesUnder = (folder: string) =>
  readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)

/** The text under a heading, up to the next heading of its level or above. */
function section(title: string): string {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === title)
  if (start < 0) throw new Error(`ARCHITECTURE.md has no heading "${title}"`)
  const level = /^#+/.exec(lines[start]!)![0].length
  const length = lines.slice(start + 1).findIndex((line) => {
    const mark = /^(#+) /.exec(line)?.[1]
    return mark !== undefined && mark.length <= level
  })
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** A walk's steps: `1. `src/…` `function` `function` text`. */
function stepsOf(title: string): { file: string; functions: string[] }[] {
  return [...section(title).matchAll(/^\d+\. `(src\/[^`]+)`((?: `[^`]+`)*)/gm)].map(([, file, rest]) => ({
    file: file!,
    functions: [...rest!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  }))
}

const walks: readonly (readonly [string, number])[] = [
  ['Answered from the pre-encoded answers', 20],
  ['Answered from the table', 20],
  ['Forwarded', 30],
  ['A container starts', 20],
]

describe('the walks', () => {
  it.each(walks)('%s: at most %i files, each there with what it is said to have', (title, most) => {
    const steps = stepsOf(title)
    expect(steps.length).toBeGreaterThan(4)
    for (const { file, functions } of steps) {
      expect(existsSync(root + file), file).toBe(true)
      const text = read(file)
      for (const name of functions) expect(text, `${file}: ${name}`).toMatch(new RegExp(`\\b${name}\\b`))
    }
    expect(new Set(steps.map(({ file }) => file)).size).toBeLessThanOrEqual(most)
  })
})

it('every file that is named anywhere is there', () => {
  const named = [...page.matchAll(/`((?:src|test|docs|config)\/[\w./-]+)`/g)].map(([, name]) => name!)
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !existsSync(root + name))).toEqual([])
})

it('every file over 250 lines is listed with a reason, and no other', () => {
  const long = filesUnder('src').filter((file) => read(file).trimEnd().split('\n').length > 250)
  const listed = [...section('Files over 250 lines').matchAll(/^\| `([^`]+)` \| .{10,} \|$/gm)].map(
    ([, file]) => file!,
  )
  expect(listed.sort()).toEqual(long.sort())
})

it('every folder of src is in the table of folders', () => {
  const folders = readdirSync(`${root}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}/`.replace(`${root}src/`, ''))
  const listed = [...section('Folders').matchAll(/^\| `([\w/]+\/)`/gm)].map(([, name]) => name!)
  expect(listed.sort()).toEqual(folders.sort())
})

it('the table of imports is the one that holds the code', () => {
  const rows = [...section('Folders').matchAll(/^\| `([\w.-]+)\/?` \| .* \| (.*) \|$/gm)]
  const listed = rows.map(([, room, may]) => [room, may === '–' ? [] : may!.split(', ')])
  expect(Object.fromEntries(listed)).toEqual(arrows)
})

it('no comment cites a document that is not in the repository', () => {
  const cited = [...filesUnder('src'), ...filesUnder('test')].filter(
    (file) =>
      !file.endsWith('architecture.test.ts') &&
      /\bDESIGN\b|\bshared\/|reference\/[\w-]+\.md/.test(read(file)),
  )
  expect(cited).toEqual([])
})
