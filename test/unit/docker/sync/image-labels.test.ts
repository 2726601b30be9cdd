// When images are asked for, and what becomes of it where they can't be read.
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import type { ApiContainer, ImageRef, ImageReply, Labels } from '../../../../src/docker/api/types.ts'
import { createImageLabels } from '../../../../src/docker/sync/image-labels.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { labelRules } from '../label-rules.ts'

const ref = (digit: string, platform?: string): ImageRef => ({
  id: `sha256:${digit.repeat(64)}`,
  platform,
})

function open(reply: (image: ImageRef) => ImageReply | Promise<ImageReply>) {
  const hand = createHandClock()
  const asked: string[] = []
  const told = { read: [] as string[], refused: 0, failed: 0 }
  const images = createImageLabels({
    ...{ clock: hand.clock, random: () => 0 },
    fetch: async (image) => {
      asked.push(`${image.id.slice(7, 8)}${image.platform ?? ''}`)
      return reply(image)
    },
    loaded: (image) => void told.read.push(image.id.slice(7, 8)),
    refused: () => void told.refused++,
    failed: () => void told.failed++,
  })
  images.resume()
  const turn = async (ms = 0) => {
    await hand.turn(ms)
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return { images, asked, told, turn }
}

it('an image is read once, for each of its platforms', async () => {
  const { images, asked, told, turn } = open(() => ({ 'berth.names': 'x', maintainer: 'me' }))
  for (let i = 0; i < 3; i++) images.want(ref('a'))
  images.want(ref('a', '{"os":"linux"}'))
  await turn()
  images.want(ref('a'))
  await turn()
  expect(asked).toEqual(['a', 'a{"os":"linux"}'])
  expect(told.read).toEqual(['a', 'a'])
  expect(images.labelsOf(ref('a'))).toEqual({ 'berth.names': 'x' })
  expect(images.labelsOf(ref('b'))).toBeUndefined()
})

it('what no container has any more is forgotten', async () => {
  const { images, asked, turn } = open(() => ({}))
  images.want(ref('a'))
  images.want(ref('b'))
  await turn()
  images.retain([ref('b')])
  expect(images.labelsOf(ref('a'))).toBeUndefined()
  expect(images.labelsOf(ref('b'))).toEqual({})
  images.want(ref('a'))
  await turn()
  expect(asked).toEqual(['a', 'b', 'a'])
})

it('an image that is gone is asked for again at the next full list, not sooner', async () => {
  const replies: ImageReply[] = ['gone', { 'berth.names': 'x' }]
  const { images, asked, told, turn } = open(() => replies.shift()!)
  images.want(ref('a'))
  await turn()
  images.want(ref('a'))
  await turn(30_000)
  expect(asked).toEqual(['a'])
  expect(told).toEqual({ read: [], refused: 0, failed: 0 })
  images.retain([ref('a')])
  await turn(1)
  expect(told.read).toEqual(['a'])
})

it('who refuses one image is asked for one at each full list, and for all once it does not', async () => {
  let reply: ImageReply = 'refused'
  const { images, asked, told, turn } = open(() => reply)
  for (const digit of 'abcdef') images.want(ref(digit))
  await turn(1)
  const first = asked.length
  expect(first).toBeLessThanOrEqual(2)
  expect(told.refused).toBe(first)
  images.retain([...'abcdef'].map((digit) => ref(digit)))
  await turn(1)
  expect(asked).toHaveLength(first + 1)
  reply = {}
  images.retain([...'abcdef'].map((digit) => ref(digit)))
  for (let i = 0; i < 8; i++) await turn(1)
  expect(told.read.sort().join('')).toBe('abcdef')
})

it('a call that fails is made again', async () => {
  let fails = 1
  const { images, told, turn } = open(() => {
    if (fails-- > 0) throw new Error('no answer')
    return {}
  })
  images.want(ref('a'))
  await turn(1)
  expect(told).toMatchObject({ read: [], failed: 1 })
  await turn(10_000)
  expect(told.read).toEqual(['a'])
})

/** One container of an image, which is told when `tell` is called. */
async function follow(labels: Labels, ofImage: Labels) {
  const hand = createHandClock()
  const id = 'c'.repeat(64)
  let tell = () => {}
  const raw = (): ApiContainer => ({
    ...{ Id: id, Name: '/plain', Image: ref('a').id, Config: { Labels: { ...labels } } },
    State: { Running: true, Status: 'running' },
    NetworkSettings: { Networks: { n: { NetworkID: 'n1', IPAddress: '10.0.0.2', DNSNames: ['plain'] } } },
  })
  const client = {
    listNetworks: async () => [{ Id: 'n1', Name: 'n', Driver: 'bridge' }],
    inspectNetwork: async () => ({ Id: 'n1', Name: 'n', Driver: 'bridge' }),
    listContainers: async () => [],
    inspectContainer: async () => raw(),
    imageLabels: () =>
      new Promise((resolve) => {
        tell = () => resolve(ofImage)
      }),
  } as unknown as EngineClient
  let rules = labelRules
  let changes = 0
  const reconcile = createReconciler({
    ...{ engine: 'e', clock: hand.clock, random: () => 0 },
    ...{ changed: () => void changes++, failed() {}, late() {}, invalidLabels() {}, refused() {} },
    labelRules: () => rules,
  })
  const turn = async (ms = 1) => {
    await hand.turn(ms)
    for (let i = 0; i < 50; i++) await Promise.resolve()
  }
  const list = reconcile.fullList(client)
  await turn()
  await list
  return {
    reconcile,
    turn,
    tell: async () => {
      tell()
      await turn()
    },
    changes: () => changes,
    allow(allow: typeof labelRules.allow) {
      rules = { ...rules, allow }
      reconcile.regrant()
    },
    create: (told = labels) => reconcile.create(id, 'plain', told, 1),
    container: () => reconcile.inventory().containers.get(id)!,
  }
}

const labels = {
  'com.docker.compose.project': 'shop',
  'com.docker.compose.service': 'db',
  'berth.names': 'postgres.test',
}

it('a create event’s labels grant nothing, nor does an inspect before the image is read', async () => {
  const { create, container, turn, tell, changes } = await follow(labels, {})
  create()
  expect(container()).toMatchObject({ name: 'plain', labels: {}, settings: { names: [] } })
  await turn()
  expect(container()).toMatchObject({ running: true, labels: {}, settings: { names: [] } })
  expect(container().endpoints[0]!.names).toEqual(['plain'])
  const before = changes()
  await tell()
  expect(changes()).toBeGreaterThan(before)
  expect(container()).toMatchObject({
    labels: { 'com.docker.compose.service': 'db' },
    settings: { names: ['postgres.test'] },
    ungranted: [],
  })
})

it('labels of which a create event told nothing are granted all the same', async () => {
  const { create, container, turn, tell } = await follow(labels, {})
  create({})
  await turn()
  await tell()
  expect(container()).toMatchObject({ settings: { names: ['postgres.test'] }, ungranted: [] })
})

it('what the image has itself is not granted once it is read, and is told', async () => {
  const { create, container, turn, tell } = await follow(labels, labels)
  create()
  await turn()
  await tell()
  expect(container()).toMatchObject({ labels: {}, settings: { names: [] } })
  expect(
    container()
      .ungranted.map(({ label }) => label)
      .sort(),
  ).toEqual(Object.keys(labels).sort())
})

it('labels.allow takes effect without another look at anything', async () => {
  const { create, container, turn, tell, allow } = await follow(labels, {})
  create()
  await turn()
  await tell()
  allow([])
  expect(container()).toMatchObject({
    settings: { names: [] },
    labels: { 'com.docker.compose.service': 'db' },
  })
  allow([{ name: 'test', wildcard: true }])
  expect(container().settings.names).toEqual(['postgres.test'])
})

it('an event that tells no labels, as a proxy’s may, is no verdict on those that an inspect tells', async () => {
  const { create, container, turn, tell } = await follow(labels, {})
  create({})
  await turn()
  await tell()
  expect(container()).toMatchObject({
    labels: { 'com.docker.compose.service': 'db' },
    settings: { names: ['postgres.test'] },
  })
})
