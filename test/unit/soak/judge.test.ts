// The soak's judge: planted wrong answers are found, right ones and unknowable ones are not.
import { describe, expect, it } from 'vitest'
import type { HeardEvent } from '../../engine/events.ts'
import { History } from '../../tools/soak/history.ts'
import { type Gap, judge } from '../../tools/soak/judge.ts'

const net = 'n1'

function event(time: number, type: string, action: string, id: string, attributes = {}): HeardEvent {
  return { time, type, action, id, attributes } as HeardEvent
}

/** web: joins at 1000 with alias www at .2, of which networks tell at 1200 and inspects at 1700; renamed to shop at 10000, dead at 20000. */
function lived(): History {
  const history = new History()
  history.take(event(900, 'container', 'create', 'c1', { name: 'web' }))
  history.take(event(1000, 'network', 'connect', net, { container: 'c1' }))
  history.locate('c1', net, '10.0.0.2', { begun: 1000, done: 1200 })
  history.take(event(1500, 'container', 'start', 'c1', { name: 'web' }))
  history.learn('c1', net, '10.0.0.2', ['www'], { begun: 1600, done: 1700 })
  history.take(event(10_000, 'container', 'rename', 'c1', { name: 'shop', oldName: '/web' }))
  history.take(event(20_000, 'container', 'die', 'c1', { name: 'shop' }))
  return history
}

function judged(name: string, at: number, answer: string[] | string, gaps: Gap[] = [], history = lived()) {
  const [rcode, addresses] = typeof answer === 'string' ? [answer, []] : ['NOERROR', answer]
  return judge(
    history,
    { networkId: net, name },
    { name, sentAt: at, cameAt: at + 1, rcode, addresses },
    gaps,
  )
}

describe('right', () => {
  it.each<[string, number, string[] | string]>([
    ['web', 1001, ['10.0.0.2']],
    ['web', 2199, 'NXDOMAIN'],
    ['web', 2199, []],
    ['www', 2699, 'NXDOMAIN'],
    ['web', 10_900, ['10.0.0.2']],
    ['shop', 10_500, 'NXDOMAIN'],
    ['shop', 20_900, ['10.0.0.2']],
    ['shop', 20_001, 'NXDOMAIN'],
    ['never', 5000, 'NXDOMAIN'],
  ])('%s at %d ms: %s', (name, at, answer) => {
    expect(judged(name, at, answer)).toBeUndefined()
  })
})

describe('wrong', () => {
  it.each<[string, number, string[] | string, string]>([
    ['web', 2201, 'NXDOMAIN', 'NXDOMAIN, though the engine had told of it (10.0.0.2) 1001 ms before'],
    ['web', 2201, [], 'no address, though the engine had told of it (10.0.0.2) 1001 ms before'],
    ['www', 2701, 'NXDOMAIN', 'NXDOMAIN, though the engine had told of it (10.0.0.2) 1001 ms before'],
    ['web', 11_001, ['10.0.0.2'], '10.0.0.2, which had left it 1001 ms before'],
    ['shop', 11_500, 'NXDOMAIN', 'NXDOMAIN, though the engine had told of it (10.0.0.2) 1500 ms before'],
    ['www', 21_500, ['10.0.0.2'], '10.0.0.2, which had left it 1500 ms before'],
    ['web', 5000, ['10.0.0.3'], '10.0.0.3, which it never had'],
    ['web', 5000, ['10.0.0.2', '10.0.0.3'], '10.0.0.3, which it never had'],
    ['web', 5000, 'SERVFAIL', 'SERVFAIL'],
  ])('%s at %d ms: %s', (name, at, answer, sentence) => {
    expect(judged(name, at, answer)).toBe(sentence)
  })
})

it('nothing counts in a gap and the second after it, all counts after that', () => {
  const gaps = [{ from: 4000, to: 5000 }]
  expect(judged('web', 5500, ['10.0.0.3'], gaps)).toBeUndefined()
  expect(judged('web', 6001, ['10.0.0.3'], gaps)).toBe('10.0.0.3, which it never had')
})

it('a stay of which the engine told nothing in time may have had any alias and any address, and its name', () => {
  const history = new History()
  history.take(event(900, 'container', 'create', 'c1', { name: 'web' }))
  history.take(event(1000, 'network', 'connect', net, { container: 'c1' }))
  expect(judged('www', 3000, ['10.0.0.9'], [], history)).toBeUndefined()
  expect(judged('www', 3000, 'NXDOMAIN', [], history)).toBeUndefined()
  expect(judged('web', 3000, ['10.0.0.9'], [], history)).toBeUndefined()
  expect(judged('web', 3000, 'NXDOMAIN', [], history)).toBeUndefined()
})

it('an inspect that outlasts the stay tells nothing of it', () => {
  const history = new History()
  history.take(event(1000, 'network', 'connect', net, { container: 'c1' }))
  history.take(event(2000, 'network', 'disconnect', net, { container: 'c1' }))
  history.learn('c1', net, '10.0.0.2', ['www'], { begun: 1900, done: 2100 })
  expect(history.spans(net, 'other')[0]).toMatchObject({ address: undefined, to: 2000 })
})

it('after a restart, what is not there is gone and what is there began, unless an event says otherwise', () => {
  const history = lived()
  history.take(event(5, 'container', 'create', 'c2', { name: 'old' }))
  history.take(event(6, 'network', 'connect', net, { container: 'c2' }))
  history.restart(30_000, [{ id: 'c3', name: '/new', networkIds: [net] }])
  expect(history.spans(net, 'old')[0]).toMatchObject({ from: 6, to: 30_000 })
  expect(judged('new', 31_500, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
  history.take(event(40_000, 'network', 'disconnect', net, { container: 'c3' }))
  history.restart(39_000, [{ id: 'c3', name: '/new', networkIds: [net] }])
  expect(history.spans(net, 'new').at(-1)).toMatchObject({ to: 40_000 })
})

it('after a restart, what had an event while all was read is read again, and all of it holds then', () => {
  const history = lived()
  history.take(event(25_000, 'network', 'connect', net, { container: 'c2' }))
  history.take(event(25_000, 'container', 'create', 'c2', { name: 'half' }))
  history.locate('c2', net, '10.0.0.4', { begun: 25_000, done: 25_010 })
  // The engine dies before it has started; then it is renamed while the list of containers is on its way.
  history.take(event(30_002, 'container', 'rename', 'c2', { name: 'whole' }))
  const row = { id: 'c2', name: '/whole', networkIds: [] }
  const left = history.restart(30_000, [row])
  expect([...left]).toEqual(['c2'])
  expect(judged('whole', 32_000, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
  expect([...history.restart(30_010, [row], left)]).toEqual([])
  expect(judged('whole', 32_000, 'NXDOMAIN', [], history)).toBeUndefined()
})

it('after a restart, a start that has begun since goes on though it is read again before it is over', () => {
  const history = lived()
  history.restart(30_000, [])
  history.take(event(30_001, 'container', 'create', 'c2', { name: 'new' }))
  history.take(event(30_005, 'network', 'connect', net, { container: 'c2' }))
  history.locate('c2', net, '10.0.0.4', { begun: 30_006, done: 30_007 })
  // Begun before that, so that it is read again; its row says that it does not run.
  const left = history.restart(30_000, [{ id: 'c2', name: '/new', networkIds: [] }])
  history.restart(30_010, [{ id: 'c2', name: '/new', networkIds: [] }], left)
  expect(judged('new', 35_000, ['10.0.0.4'], [], history)).toBeUndefined()
  expect(judged('new', 35_000, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
})

it('a start without a joining, as after an engine’s death in the middle of one, is a joining too', () => {
  const history = lived()
  history.take(event(25_000, 'container', 'create', 'c2', { name: 'half' }))
  history.restart(30_000, [{ id: 'c2', name: '/half', networkIds: [] }])
  history.take(event(31_000, 'container', 'start', 'c2', { name: 'half' }))
  history.learn('c2', net, '10.0.0.4', ['alias'], { begun: 31_010, done: 31_020 })
  history.learn('c2', net, '10.0.0.4', ['alias'], { begun: 31_030, done: 31_040 })
  expect(history.spans(net, 'half').filter(({ to }) => to > 31_000)).toEqual([
    {
      containerId: 'c2',
      address: '10.0.0.4',
      from: 31_000,
      to: Number.POSITIVE_INFINITY,
      sureFrom: 31_020,
    },
  ])
  expect(judged('alias', 33_000, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
  // With a joining before it, or anything after it, an inspect tells of no other network.
  history.learn('c1', 'n2', '10.0.1.4', [], { begun: 12_000, done: 12_010 })
  history.take(event(32_000, 'network', 'disconnect', net, { container: 'c2' }))
  history.learn('c2', net, '10.0.0.4', [], { begun: 32_100, done: 32_200 })
  expect(history.spans('n2', 'shop')).toEqual([])
  expect(history.spans(net, 'half').some(({ to }) => to > 32_000)).toBe(false)
})

it('where no start tells a joining, an inspect after it does, but of no network that was left since', () => {
  const history = new History({ startsSilently: true })
  history.take(event(1000, 'container', 'create', 'c1', { name: 'web' }))
  history.take(event(1100, 'container', 'init', 'c1', { name: 'web' }))
  history.take(event(1200, 'container', 'start', 'c1', { name: 'web' }))
  expect(history.unknown()).toEqual(['c1'])
  // Unless it is told later, it may have been anywhere.
  expect(judged('www', 1250, ['10.0.0.9'], [], history)).toBeUndefined()
  history.take(event(1300, 'network', 'connect', 'n2', { container: 'c1' }))
  history.learn('c1', net, '10.0.0.2', ['www'], { begun: 1310, done: 1320 })
  history.learn('c1', 'n2', '10.0.1.2', ['www'], { begun: 1310, done: 1320 })
  expect(history.unknown()).toEqual([])
  expect(judged('www', 1250, ['10.0.0.9'], [], history)).toMatch(/never had/)
  expect(history.spans(net, 'www')).toEqual([
    {
      containerId: 'c1',
      address: '10.0.0.2',
      from: 1100,
      to: Number.POSITIVE_INFINITY,
      sureFrom: 1320,
    },
  ])
  expect(history.spans('n2', 'www')).toMatchObject([{ address: '10.0.1.2', from: 1300 }])
  history.take(event(2000, 'network', 'disconnect', net, { container: 'c1' }))
  history.learn('c1', net, '10.0.0.2', ['www'], { begun: 2010, done: 2020 })
  expect(history.spans(net, 'www')).toMatchObject([{ to: 2000 }])
  history.take(event(3000, 'container', 'die', 'c1', { name: 'web' }))
  history.take(event(3100, 'container', 'start', 'c1', { name: 'web' }))
  history.learn('c1', net, '10.0.0.3', [], { begun: 3110, done: 3120 })
  expect(history.spans(net, 'web').at(-1)).toMatchObject({ address: '10.0.0.3', from: 3100 })
})

it('of Podman nothing is excused before its event, or a second after', () => {
  const history = new History({ startsSilently: true })
  history.take(event(1000, 'container', 'create', 'c1', { name: 'web' }))
  history.take(event(1100, 'container', 'init', 'c1', { name: 'web' }))
  history.learn('c1', net, '10.0.0.2', [], { begun: 1310, done: 1320 })
  history.take(event(9000, 'network', 'disconnect', net, { container: 'c1' }))
  expect(judged('web', 8600, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
  expect(judged('web', 9001, 'NXDOMAIN', [], history)).toBeUndefined()
  history.take(event(20_000, 'network', 'connect', net, { container: 'c1' }))
  history.locate('c1', net, '10.0.0.3', { begun: 20_010, done: 20_020 })
  expect(judged('web', 19_600, ['10.0.0.3'], [], history)).toMatch(/had left/)
  expect(judged('web', 20_001, ['10.0.0.3'], [], history)).toBeUndefined()
  expect(judged('web', 21_100, 'NXDOMAIN', [], history)).toMatch(/^NXDOMAIN/)
})
