// What one container may bring: what is within stays as it is, what is above is left out, and told.
import { describe, expect, it } from 'vitest'
import type { ApiContainer } from '../../../../src/docker/api/types.ts'
import { containerFrom, withGrants } from '../../../../src/docker/model/container.ts'
import { findLabelOwnership, grant } from '../../../../src/docker/model/grants.ts'
import { parseLabels } from '../../../../src/docker/model/labels.ts'
import { boundContainer, limits, nameCost } from '../../../../src/docker/model/limits.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { createStore } from '../../../../src/registry/store.ts'
import type { Container } from '../../../../src/registry/types.ts'
import { bareImage, bareImages, labelRules } from '../label-rules.ts'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

function container(changes: Partial<ApiContainer>, labels: Record<string, string> = {}): Container {
  const raw: ApiContainer = {
    ...{ Id: 'c1', Name: '/web', Image: bareImage, State: { Running: true }, Config: { Labels: labels } },
    NetworkSettings: { Networks: { n: { NetworkID: 'n1', IPAddress: '10.0.0.2' } } },
    ...changes,
  }
  const told = containerFrom(raw, 'e', () => undefined)
  return withGrants(told, grant(told.labels, findLabelOwnership(told.labels, {}), labelRules)).container
}

const on = (networks: number, aliases: string[] = []) => ({
  NetworkSettings: {
    Networks: Object.fromEntries(
      range(networks).map((i) => [`n${i}`, { NetworkID: `n${i}`, IPAddress: '10.0.0.2', Aliases: aliases }]),
    ),
  },
})

/** 117 labels. */
const deep = (i: number) => `n${i}.${'a.'.repeat(115)}test`

describe('one container', () => {
  it.each([
    ['a plain one', {}, {}],
    [
      '500 names by label',
      {},
      {
        'berth.names': range(500)
          .map((i) => `shop-${i}.example.test`)
          .join(),
      },
    ],
    [
      '300 aliases',
      on(
        1,
        range(300).map((i) => `alias-${i}`),
      ),
      {},
    ],
    ['100 networks', on(100), { 'berth.names': 'proxy.test,*.proxy.test' }],
    [
      '2,000 ports',
      { Config: { ExposedPorts: Object.fromEntries(range(2000).map((i) => [`${i + 1}/udp`, {}])) } },
      {},
    ],
  ])('%s is within the limits', (_, changes, labels) => {
    const whole = container(changes, labels)
    expect(boundContainer(whole)).toEqual({ container: whole, leftOut: [] })
    expect(boundContainer(whole).container).toBe(whole)
  })

  it.each([
    ['names of 117 labels', {}, { 'berth.names': range(250).map(deep).join() }, 'names are left out'],
    [
      'wildcards',
      {},
      {
        'berth.names': range(5000)
          .map((i) => `*.w${i}`)
          .join(),
      },
      'names are left out',
    ],
    [
      'aliases',
      on(
        1,
        range(5000).map((i) => `alias-${i}`),
      ),
      {},
      'names are left out',
    ],
    [
      'aliases on many networks',
      on(
        100,
        range(100).map((i) => `a${i}`),
      ),
      {},
      'names are left out',
    ],
    [
      'names on many networks',
      on(900),
      {
        'berth.names': range(100)
          .map((i) => `a${i}`)
          .join(),
      },
      'names are left out',
    ],
    ['networks', on(1200), {}, '200 of its networks are left out: a container may have 1000'],
    [
      'ports',
      { Config: { ExposedPorts: Object.fromEntries(range(9000).map((i) => [`${i + 1}/tcp`, {}])) } },
      ...[{}, '4904 of its ports are left out: a container may have 4096'],
    ],
    [
      'links',
      {
        NetworkSettings: {
          Networks: { n: { NetworkID: 'n', Links: range(1500).map((i) => `web:l${i}`) } },
        },
      },
      ...[{}, '500 of its links are left out: a container may have 1000 on a network'],
    ],
  ] as [string, Partial<ApiContainer>, Record<string, string>, string][])(
    'with too many %s keeps as many as may be, and its own name everywhere',
    (_, changes, labels, sentence) => {
      const { container: bounded, leftOut } = boundContainer(container(changes, labels))
      expect(leftOut.join()).toContain(sentence)
      expect(nameCost(bounded)).toBeLessThanOrEqual(limits.nameLabels)
      expect(bounded.endpoints.every(({ names }) => names[0] === 'web')).toBe(true)
      expect(bounded.endpoints.length).toBeLessThanOrEqual(limits.networks)
      expect(bounded.ports.length).toBeLessThanOrEqual(limits.ports)
      expect(boundContainer(bounded)).toEqual({ container: bounded, leftOut: [] })
    },
  )

  it('that lodges with another counts as one on several networks, for it has that one’s', () => {
    const lodger = container(
      { HostConfig: { NetworkMode: 'container:x' }, NetworkSettings: {} },
      {
        'berth.names': range(2000)
          .map((i) => `a${i}`)
          .join(),
      },
    )
    expect(boundContainer(lodger).container.settings.names).toHaveLength(512)
  })
})

describe('labels', () => {
  it('of a megabyte are not read, and that is said shortly; the others hold', () => {
    const { settings, problems } = parseLabels({
      ...{ 'berth.names': 'a..b,'.repeat(200_000), [`berth.${'x'.repeat(1 << 20)}`]: '1', 'berth.ttl': '7' },
      'berth.ignore': 'x'.repeat(60_000),
    })
    expect(settings).toEqual({ names: [], wildcards: [], ignored: false, ttl: 7 })
    expect(problems).toHaveLength(3)
    expect(problems.join().length).toBeLessThan(1000)
  })

  it('that are all wrong make ten sentences, and one that counts the rest', () => {
    const { settings, problems } = parseLabels({ 'berth.names': `good,${'a..b,'.repeat(5000)}` })
    expect(settings.names).toEqual(['good'])
    expect(problems).toHaveLength(11)
    expect(problems[10]).toBe('4990 more like these')
    const ports = Object.fromEntries(range(3000).map((i) => [`berth.port.${i}!`, '1']))
    expect(parseLabels(ports).problems).toHaveLength(11)
  })

  it('that say a name twice say it once', () => {
    expect(parseLabels({ 'berth.names': 'a,*.b,A,a.,*.B' }).settings).toMatchObject({
      ...{ names: ['a'], wildcards: ['b'] },
    })
  })
})

describe('what is known', () => {
  it('bounds a container however it comes to be told, and says once what it left out', () => {
    const told: string[][] = []
    const known = createEngineState({
      engine: 'e',
      ...{ labelRules: () => labelRules, images: bareImages },
      late() {},
      invalidLabels: (_, problems) => void told.push([...problems]),
    })
    known.keepNetwork({ Id: 'n1', Name: 'n', Driver: 'bridge' }, 1)
    const Labels = { 'berth.names': range(300).map(deep).join() }
    const raw = (Running: boolean): ApiContainer => ({
      ...{ Id: 'c1', Name: '/web', Image: bareImage, State: { Running }, Config: { Labels } },
      NetworkSettings: { Networks: { n: { NetworkID: 'n1', IPAddress: '10.0.0.2' } } },
    })
    for (let i = 0; i < 51; i++) known.keepContainer(raw(i % 2 === 0), i)
    expect(told).toHaveLength(1)
    const store = createStore(['e'])
    store.apply({ kind: 'update', engine: 'e', ...known.takeChanges() })
    const [table] = store.current().tables
    expect(table!.names.size + table!.parents.size).toBeLessThan(limits.nameLabels)
    expect(table!.names.get('web')).toBeDefined()
  })

  it('hands over no more at a time than is asked for, and all of it in the end', () => {
    const known = createEngineState({
      ...{ engine: 'e', late() {}, invalidLabels() {} },
      ...{ labelRules: () => labelRules, images: bareImages },
    })
    const Labels = {
      'berth.names': range(100)
        .map((i) => `a${i}`)
        .join(),
    }
    for (const i of range(20)) {
      known.keepContainer(
        { Id: `c${i}`, Name: `/web${i}`, Image: bareImage, Config: { Labels }, State: { Running: true } },
        1,
      )
    }
    const taken: string[] = []
    for (;;) {
      const { containers, isAll } = known.takeChanges(350)
      expect(containers.length).toBeLessThanOrEqual(3)
      taken.push(...containers.map(([id]) => id))
      if (isAll) break
    }
    expect(taken).toEqual(range(20).map((i) => `c${i}`))
    expect(known.takeChanges(1)).toEqual({ networks: [], containers: [], isAll: true })
  })
})
