// docs/engines.md is true: its table has each field that berth reads, call by call, and no other.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import {
  isOfPlatform,
  readContainer,
  readContainerRow,
  readImageLabels,
  readNetwork,
} from '../../src/docker/api/validate.ts'
import { highestApi } from '../../src/docker/api/versions.ts'
import { apis } from './docker/recorded.ts'
import { readTable } from './table.ts'

const doc = readFileSync(new URL('../../docs/engines.md', import.meta.url), 'utf8')
const { rows } = readTable('docs/engines.md')
const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!)
const listed = rows
  .slice(
    rows.findIndex(([cell]) => cell === 'call') + 1,
    rows.findIndex(([cell]) => cell === 'engine'),
  )
  .filter(([call]) => call!.startsWith('`/'))

/** Fields that the doc lists for a call. */
const told = (call: string) =>
  listed.filter(([calls]) => quoted(calls!).includes(call)).flatMap(([, fields]) => quoted(fields!))

/** Keys in these are names, ids and places in a list. */
const maps = ['NetworkSettings.Networks', 'Containers', 'IPAM.Config']
/** Read key by key. */
const wholes = ['Labels', 'Config.Labels', 'Config.ExposedPorts', 'HostConfig.Sysctls', 'Options', 'Names']

/** The paths that `read` looks at in `value`. */
function readIn(value: unknown, read: (value: unknown) => unknown): string[] {
  const seen = new Set<string>()
  const watched = (told: unknown, path: string): unknown => {
    if (typeof told !== 'object' || told === null) return told
    if (wholes.includes(path) || path.endsWith('.DriverOpts') || isTexts(told)) return told
    return new Proxy(told, {
      get(object, key) {
        const got = Reflect.get(object, key)
        if (
          typeof key === 'symbol' ||
          !(Object.hasOwn(object, key) || got === undefined) ||
          key === 'length'
        ) {
          return got
        }
        const at = [path, maps.includes(path) ? '*' : key].filter(Boolean).join('.')
        seen.add(at)
        return watched(got, at)
      },
    })
  }
  read(watched(value, ''))
  const all = [...seen]
  return all.filter((path) => !all.some((other) => other.startsWith(`${path}.`)))
}

const isTexts = (told: object) => Array.isArray(told) && told.every((each) => typeof each === 'string')
const ignore = () => {}
const { containers, rows: list, networks, image } = apis.find(({ api }) => api === '1.51')!
const web = containers.find(({ Name }) => Name === '/v-web')!
const descriptor = { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }
const { Os, Architecture } = image as { Os: string; Architecture: string }
const platform = JSON.stringify({ os: Os, architecture: Architecture, variant: 'v8' })

const reads: [call: string, read: string[]][] = [
  ['/networks', readIn({ ...networks[1], Containers: undefined }, (each) => readNetwork(each, ignore))],
  ['/networks/ID', readIn(networks[1], (each) => readNetwork(each, ignore))],
  [
    '/containers/ID/json',
    readIn({ ...web, ImageManifestDescriptor: descriptor }, (each) => readContainer(each, ignore)),
  ],
  [
    '/containers/json',
    readIn({ ...list[0], ImageManifestDescriptor: descriptor }, (each) => readContainerRow(each, ignore)),
  ],
  [
    '/images/ID/json',
    readIn(image, (each) => [readImageLabels(each, ignore), isOfPlatform(each, platform, ignore)]),
  ],
]

it.each(reads)('%s: what is read is listed', (call, read) => {
  expect(read.length).toBeGreaterThan(2)
  // Of the list only an inspect has members.
  expect(told(call).sort()).toEqual(
    read.filter((path) => call !== '/networks' || path !== 'Containers').sort(),
  )
})

it.each([
  ['/_ping', 'src/docker/api/versions.ts', (field: string) => field.replace(/^header /, '').toLowerCase()],
  ['/version', 'src/docker/api/client.ts', (field: string) => `told.${field}`],
  ['/info', 'src/docker/api/client.ts src/docker/api/validate.ts', (field: string) => `told.${field}`],
  ['/events', 'src/docker/api/event-stream.ts', (field: string) => field.split('.').at(-1)!],
])('%s: what is listed is read', (call, files, written) => {
  const texts = files
    .split(' ')
    .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
  const source = texts.join('')
  expect(
    told(call).length + quoted(listed.find(([cell]) => cell!.includes(call))![1]!).length,
  ).toBeGreaterThan(0)
  for (const field of told(call)) expect(source).toContain(written(field))
})

it('each row is whole, and the version is the one that is asked for', () => {
  expect(listed.filter((cells) => cells.length !== 5 || cells.includes(''))).toEqual([])
  expect(doc).toContain(`or ${highestApi} where that is`)
  for (const page of ['README.md', 'docs/access.md']) {
    expect(readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')).toContain('engines.md)')
  }
})
