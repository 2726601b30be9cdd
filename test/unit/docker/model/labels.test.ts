// berth.* labels: what they ask for, and what is said of those that can't be used.
import { describe, expect, it } from 'vitest'
import { parseLabels, parsePort } from '../../../../src/docker/model/labels.ts'

describe('berth.names', () => {
  it('is a list of names and wildcards, in any case, with spaces or a final dot', () => {
    const { settings, problems } = parseLabels({ 'berth.names': 'Shop.test, *.Shop.test ,cdn.' })
    expect(settings.names).toEqual(['shop.test', 'cdn'])
    expect(settings.wildcards).toEqual(['shop.test'])
    expect(problems).toEqual([])
  })

  it.each(['a..b', '*', '*.', 'a.*.b', `${'x'.repeat(64)}`])('can not be %s; the others hold', (bad) => {
    const { settings, problems } = parseLabels({ 'berth.names': `good,${bad}` })
    expect(settings.names).toEqual(['good'])
    expect(settings.wildcards).toEqual([])
    expect(problems).toEqual([`label berth.names: "${bad}" is no domain name; write for example "web,*.web"`])
  })
})

describe('berth.ignore', () => {
  it.each([
    ['true', true],
    ['1', true],
    ['YES', true],
    ['false', false],
    ['', false],
  ])('%j is %j', (value, ignored) => {
    const read = parseLabels({ 'berth.ignore': value })
    expect(read.settings.ignored).toBe(ignored)
    expect(read.problems).toEqual([])
  })

  it('says what it does not understand, and leaves the container in', () => {
    const { settings, problems } = parseLabels({ 'berth.ignore': 'maybe' })
    expect(settings.ignored).toBe(false)
    expect(problems).toEqual(['label berth.ignore: "maybe" is neither true nor false'])
  })
})

describe('berth.ttl', () => {
  it.each([
    ['0', 0],
    ['86400', 86_400],
    ['86401', undefined],
    ['-1', undefined],
    ['5s', undefined],
  ])('%s is %s seconds', (value, ttl) => {
    const read = parseLabels({ 'berth.ttl': value })
    expect(read.settings.ttl).toBe(ttl)
    expect(read.problems).toHaveLength(ttl === undefined ? 1 : 0)
  })
})

describe('berth.port.NAME', () => {
  it.each([
    ['http', '8080', { number: 8080, protocol: 'tcp', name: 'http' }],
    ['DNS', '53/udp', { number: 53, protocol: 'udp', name: 'dns' }],
  ])('%s=%s names a port', (name, value, port) => {
    expect(parseLabels({ [`berth.port.${name}`]: value }).ports).toEqual([port])
  })

  it.each([
    ['http', '0'],
    ['http', '65536'],
    ['http', '80/icmp'],
    ['http', ''],
    ['a.b', '80'],
    ['', '80'],
  ])('%s=%s names none, and says so', (name, value) => {
    const { ports, problems } = parseLabels({ [`berth.port.${name}`]: value })
    expect(ports).toEqual([])
    expect(problems).toHaveLength(1)
  })
})

it('says which labels there are to one that is none of them, and leaves other people’s alone', () => {
  expect(parseLabels({ 'berth.name': 'x', 'traefik.enable': 'true' }).problems).toEqual([
    'label berth.name: there is no such label; did you mean "berth.names"?',
  ])
})

it.each([
  ['80/tcp', { number: 80, protocol: 'tcp', name: undefined }],
  ['9/SCTP', { number: 9, protocol: 'sctp', name: undefined }],
  ['80-90/tcp', undefined],
])('reads Docker’s %s', (text, port) => {
  expect(parsePort(text)).toEqual(port)
})
