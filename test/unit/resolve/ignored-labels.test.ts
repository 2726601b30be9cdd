// What /api/names tells of labels: names that answer, and those that have no effect, to the host alone.
import { expect, it } from 'vitest'
import type { NamesReply } from '../../../src/http/api-types.ts'
import { createInspector } from '../../../src/http/inspect.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { config, resolverFor } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const ungranted = [{ label: 'berth.names', value: 'wpad', why: 'because' }]
const resolver = resolverFor(
  estate(
    [network('front', ['10.1.0.0/24']), network('back', ['10.2.0.0/24'])],
    [
      container('asker', { front: { at: ['10.1.0.2'] } }),
      container(
        'taker',
        { front: { at: ['10.1.0.3'] } },
        { labels: { 'berth.names': 'web.back,ok.test' }, ungranted },
      ),
      container('web', { back: { at: ['10.2.0.4'] } }),
    ],
  ),
)
const inspector = createInspector({
  ...{ resolver, zone: config.zone, clock: systemClock },
  forward: () => ({ failure: 'none', tries: '' }) as never,
})
const namesFor = (address: string) => inspector.names({ kind: 'address', address }) as NamesReply

it('a name by label that is another’s NAME.NETWORK is not among the names, whoever asks', () => {
  const asker = namesFor('10.1.0.2').names.map(({ name }) => name)
  expect(asker).toContain('ok.test')
  expect(asker).not.toContain('web.back')
  const host = namesFor('127.0.0.1').names.map(({ name }) => name)
  expect(host).toContain('ok.test.front.docker.internal')
  expect(host).not.toContain('web.back.front.docker.internal')
})

it('labels without effect are told to the host, with the reason, and to nobody else', () => {
  expect(namesFor('127.0.0.1').ignoredLabels).toEqual([
    { container: 'taker', ...ungranted[0] },
    {
      ...{ container: 'taker', label: 'berth.names', value: 'web.back' },
      why: 'it is the NAME.NETWORK or SERVICE.PROJECT of another container',
    },
  ])
  expect(namesFor('10.1.0.2').ignoredLabels).toBeUndefined()
})
