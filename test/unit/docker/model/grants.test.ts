// Whose labels count: an image's own grant nothing, in whatever shape an engine tells of it.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Labels } from '../../../../src/docker/api/types.ts'
import { readContainer, readContainerRow, readImageLabels } from '../../../../src/docker/api/validate.ts'
import { parseContainer, parseImage } from '../../../../src/docker/api/wanted-json.ts'
import { containerFrom, containerFromRow } from '../../../../src/docker/model/container.ts'
import {
  findLabelOwnership,
  grant,
  grantingLabels,
  type LabelRules,
} from '../../../../src/docker/model/grants.ts'
import { labelRules } from '../label-rules.ts'

interface Recorded {
  engine: string
  containers: Record<string, unknown>
  row: unknown
  images: Record<string, unknown>
}

/** What real engines answered, trimmed to what is read. */
const recorded = JSON.parse(
  readFileSync(new URL('../images.json', import.meta.url), 'utf8'),
) as readonly Recorded[]

const image = `sha256:${'1'.repeat(64)}`

function grantsOf(labels: Labels, ofImage: Labels | undefined, rules: LabelRules = labelRules) {
  const { labels: told } = containerFrom(
    { Id: 'x', Name: '/x', Image: image, Config: { Labels: labels } },
    'e',
    () => undefined,
  )
  return grant(told, findLabelOwnership(told, ofImage), rules)
}

const project = 'com.docker.compose.project'
const service = 'com.docker.compose.service'
const number = 'com.docker.compose.container-number'
const swarm = 'com.docker.swarm.service.id'

describe('labels that the image has', () => {
  const evil = { [project]: 'shop', [service]: 'db', 'berth.names': 'db,*.docker.internal', 'berth.ttl': '9' }

  it('grant neither names nor a service nor a TTL', () => {
    const { labels, settings, ungranted } = grantsOf(evil, evil)
    expect(labels).toEqual({})
    expect(settings).toEqual({ names: [], wildcards: [], ignored: false, ttl: undefined })
    expect(ungranted.map(({ label }) => label).sort()).toEqual(Object.keys(evil).sort())
    expect(new Set(ungranted.map(({ why }) => why))).toEqual(new Set(['the image defines this label itself']))
  })

  it('count where the container has another value', () => {
    const { settings } = grantsOf({ ...evil, 'berth.names': 'mine', 'berth.ttl': '7' }, evil)
    expect(settings).toMatchObject({ names: ['mine'], ttl: 7 })
  })

  it.each([
    [project, { [project]: 'mine' }],
    [service, { [service]: 'mine' }],
    ['a label that berth does not read', { 'com.docker.compose.config-hash': 'abc' }],
  ])('are all Compose’s where one of them is the operator’s: %s', (_, own) => {
    const { labels } = grantsOf({ ...evil, ...own }, evil)
    expect(labels).toEqual({
      [project]: 'shop',
      [service]: 'db',
      ...('com.docker.compose.config-hash' in own ? {} : own),
    })
  })

  it('are not made Compose’s by a Swarm label, nor the other way round', () => {
    expect(grantsOf({ ...evil, [swarm]: 's' }, evil).labels).toEqual({ [swarm]: 's' })
    const ofSwarm = { [swarm]: 's' }
    expect(grantsOf({ ...ofSwarm, [project]: 'p' }, ofSwarm).labels).toEqual({ [project]: 'p' })
  })

  it('may still leave the container out, and name its ports', () => {
    const own = { 'berth.ignore': 'true', 'berth.port.http': '8080' }
    const raw = { Id: 'x', Name: '/x', Image: image, Config: { Labels: own } }
    const { container } = containerFrom(raw, 'e', () => undefined)
    expect(grantsOf(own, own).settings.ignored).toBe(true)
    expect(container.settings.ignored).toBe(true)
    expect(container.ports).toMatchObject([{ number: 8080, name: 'http' }])
  })

  it.each(['__proto__', 'constructor', 'toString'])(
    'a label of the image is no key of its object: %s',
    (key) => {
      const told = JSON.parse(`{"berth.names": "mine", "${key}": "x"}`) as Labels
      expect(grantsOf(told, JSON.parse(`{"${key}": "x"}`) as Labels).settings.names).toEqual(['mine'])
    },
  )
})

it.each([
  ['long', `com.docker.compose.${'x'.repeat(1100)}`],
  ['of escaped characters', `com.docker.compose.${'\\u003c'.repeat(230)}`],
])(
  'a label whose key is %s is no proof that the operator gave it, however long the image’s text',
  (_, key) => {
    const own = `{"${project}":"shop","${service}":"db","${key}":"1"}`
    const told = `{"Id":"x","Name":"/x","Image":"${image}","Config":{"Labels":${own}}}`
    const ofImage = `{"Author":"${'a'.repeat(20_000)}","Config":{"Labels":${own}}}`
    const right = (field: string) => expect.fail(field)
    const { labels } = containerFrom(readContainer(parseContainer(told), right)!, 'e', () => undefined)
    const labelsOfImage = grantingLabels(readImageLabels(parseImage(ofImage), right)!)
    expect(grant(labels, findLabelOwnership(labels, labelsOfImage), labelRules).labels).toEqual({})
  },
)

it.each(['berth.', 'com.docker.compose.', 'com.docker.swarm.'])(
  'an image’s very many labels %s do not push out what the operator’s say',
  (start) => {
    const many = Array.from(
      { length: 20_001 },
      (_, i) => `"${start}${String(i).padStart(5, '0')}":"1"`,
    ).join()
    const own = { 'berth.names': 'a.test', [project]: 'shop', [service]: 'db', [swarm]: 's' }
    const told = `{"Id":"x","Name":"/x","Image":"${image}","Config":{"Labels":{${many},${JSON.stringify(own).slice(1)}}}`
    const right = (field: string) => expect.fail(field)
    const { labels } = containerFrom(readContainer(parseContainer(told), right)!, 'e', () => undefined)
    const ofImage = readImageLabels(parseImage(`{"Config":{"Labels":{${many}}}}`), right)!
    const granted = grant(labels, findLabelOwnership(labels, grantingLabels(ofImage)), labelRules)
    expect(granted.settings.names).toEqual(['a.test'])
    expect(granted.labels).toEqual({ [project]: 'shop', [service]: 'db', [swarm]: 's' })
  },
)

it('until the image has been read, and where it is not told, labels grant nothing', () => {
  const labels = {
    [project]: 'shop',
    [service]: 'db',
    [swarm]: 's',
    'berth.names': 'x',
    'berth.ignore': 'true',
  }
  const before = grantsOf(labels, undefined)
  expect(before.labels).toEqual({})
  expect(before.settings).toEqual({ names: [], wildcards: [], ignored: true, ttl: undefined })
  expect(before.ungranted.every(({ why }) => why.startsWith('the image has not been read yet'))).toBe(true)
  for (const Image of [undefined, '', 'evil:latest', 'sha256:../../x']) {
    const raw = { Id: 'x', Name: '/x', Config: { Labels: labels }, ...(Image === undefined ? {} : { Image }) }
    const { labels: told } = containerFrom(raw, 'e', () => undefined)
    expect(told.image).toBeUndefined()
    expect(grant(told, findLabelOwnership(told, undefined), labelRules).labels).toEqual({})
  }
})

it('a container without labels that grant anything needs no image', () => {
  const { labels: told } = containerFrom(
    { Id: 'x', Name: '/x', Config: { Labels: { maintainer: 'me', 'berth.port.http': '80' } } },
    'e',
    () => undefined,
  )
  expect(findLabelOwnership(told, undefined)).toBeDefined()
})

describe('an operator’s label', () => {
  const names = (value: string, rules?: LabelRules) => {
    const { settings, ungranted } = grantsOf({ 'berth.names': value }, {}, rules)
    const granted = [...settings.names, ...settings.wildcards.map((name) => `*.${name}`)]
    return { granted, refused: ungranted.map((each) => each.value) }
  }

  it.each([
    'docker.internal',
    'web.shop_front.docker.internal',
    '*.docker.internal',
    '*.shop.docker.internal',
    'localhost',
    'api.localhost',
    '*.localhost',
    'x.invalid',
    '*.onion',
    'x.alt',
    'printer.local',
    '*.local',
    'home.arpa',
    'x.home.arpa',
    '1.0.0.10.in-addr.arpa',
    '*.arpa',
    'wpad',
    'WPAD.corp.example',
    'isatap',
    '*.wpad.corp.example',
  ])('does not grant %s', (name) => {
    expect(names(name)).toEqual({ granted: [], refused: [name.toLowerCase()] })
  })

  it('goes by the zone of the configuration, and leaves Docker Desktop’s names alone', () => {
    const rules = { ...labelRules, zone: 'corp' }
    expect(names('a.corp,host.docker.internal,*.corp,ok.test', rules)).toEqual({
      granted: ['ok.test'],
      refused: ['a.corp', 'host.docker.internal', '*.corp'],
    })
  })

  it.each(['shop.test', '*.shop.test', 'db', 'www.example.com', '*.com', 'mywpad', 'internal', '*.internal'])(
    'grants %s',
    (name) => {
      expect(names(name)).toEqual({ granted: [name], refused: [] })
    },
  )

  it('is narrowed by labels.allow', () => {
    const allow = [
      { name: 'test', wildcard: true },
      { name: 'db', wildcard: false },
      { name: 'one.example', wildcard: false },
    ]
    expect(names('a.test,b.a.test,*.a.test,*.test,db', { ...labelRules, allow }).refused).toEqual([])
    const outside = 'test,x.db,*.db,two.example,x.one.example,*.one.example,xtest'
    expect(names(outside, { ...labelRules, allow }).granted).toEqual([])
    expect(names('a', { ...labelRules, allow: [] }).granted).toEqual([])
  })

  it('is told of at most 20 times a container', () => {
    const many = Array.from({ length: 500 }, (_, i) => `n${i}.local`).join()
    expect(names(many).refused).toHaveLength(20)
  })
})

describe.each(recorded)('as $engine tells it', ({ containers, row, images }) => {
  const isRight = (field: string) => expect.fail(field)
  const labelsOf = (key: string) => readImageLabels(images[key], isRight)
  const granted = (told: ReturnType<typeof containerFrom>['labels']) => {
    const { os, architecture, variant } = JSON.parse(told.image?.platform ?? '{}')
    const platform = architecture === 'arm64' ? ` ${os}/${architecture}/${variant}` : ''
    const ofImage = labelsOf(`${told.image!.id}${platform}`)
    expect(ofImage).toBeDefined()
    return grant(told, findLabelOwnership(told, ofImage), labelRules)
  }

  it.each(Object.keys(containers))('%s', (kind) => {
    const { labels, settings } = granted(
      containerFrom(readContainer(containers[kind], isRight)!, 'e', () => undefined).labels,
    )
    if (kind === 'labelled') {
      expect(labels).toMatchObject({ [project]: 'shop', [service]: 'web' })
      expect(settings.names).toEqual(['mine.test'])
    } else {
      expect(labels).toEqual({})
      expect(settings.names).toEqual([])
    }
  })

  it('a row of a list', () => {
    expect(
      granted(containerFromRow(readContainerRow(row, isRight)!, 'e', () => undefined).labels),
    ).toMatchObject({
      labels: {},
      settings: { names: [], wildcards: [] },
    })
  })
})

it('replicas are numbered by Compose’s label alone', () => {
  const own = { [project]: 'p', [service]: 's', [number]: '1' }
  expect(grantsOf(own, { [number]: '1' }).labels).toEqual(own)
})
