// What documents say of the repository is so: scripts and files that they name are there, and the version is the same.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, it } from 'vitest'

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs').map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'))
const read = (path: string) => readFileSync(path, 'utf8')
const { version, scripts } = JSON.parse(read('package.json'))

it.each(documents)('%s names scripts that are there, and leads to files that are', (path) => {
  const named = [...read(path).matchAll(/\bnpm run (?:--silent )?([a-z]+(?::[a-z]+)*)/g)].map(
    ([, name]) => name!,
  )
  expect(named.filter((name) => !(name in scripts))).toEqual([])
  const links = [...read(path).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, link]) => link!)
  expect(links.filter((link) => !existsSync(posix.join(posix.dirname(path), link)))).toEqual([])
})

it('CONTRIBUTING.md names files that are there', () => {
  const paths = read('CONTRIBUTING.md').match(/(?<=`)(?:test|src|docs|config|\.ci)\/[\w./-]+(?=`)/g)!
  expect(paths.length).toBeGreaterThan(8)
  expect(paths.filter((path) => !existsSync(path))).toEqual([])
})

it('CHANGELOG.md begins with the version of the package', () => {
  expect(/^## (\S+) \(/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version)
  expect(JSON.parse(read('package-lock.json')).version).toBe(version)
})
