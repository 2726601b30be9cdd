// Aliases that are more than a plain name: wildcards, names that are not ASCII, and those that Docker keeps apart.
import { describe, expect, it } from 'vitest'
import { reverseName } from '../../../src/dns/reverse.ts'
import { decideFor, resolverFor } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const networks = [
  network('front', ['10.1.0.0/24']),
  network('back', ['10.2.0.0/24']),
  network('lab', ['10.3.0.0/24']),
  network('lab.', ['10.4.0.0/24']),
]
const asker = container('asker', { front: { at: ['10.1.0.2'] }, back: { at: ['10.2.0.2'] } })
const [from, stranger, host] = ['10.1.0.2', '10.3.0.99', '127.0.0.1']
const of = (...containers: ReturnType<typeof container>[]) => {
  const resolver = resolverFor(estate(networks, [asker, ...containers]))
  return (name: string, as = from, code = 'A') => {
    const told = decideFor(resolver, as, name, code)
    return 'answers' in told && told.answers.length > 0 ? told.answers : told
  }
}
const on = (name: string, at: string, names: string[], extra = {}) =>
  container(name, { [at.startsWith('10.1') ? 'front' : 'back']: { at: [at], names } }, extra)
const nxdomain = { rcode: 3, answers: [], soa: true }
const forwarded = { to: '192.0.2.53:53', zone: undefined }

describe('an alias "*.foo.lan"', () => {
  const wild = on('wild', '10.1.0.10', ['*.foo.lan'])

  it('stands for everything below, however deep, and for what is asked literally', () => {
    const ask = of(wild)
    for (const name of ['a.foo.lan', 'b.a.foo.lan', '*.foo.lan', 'a.foo.lan.docker.internal']) {
      expect(ask(name), name).toEqual(['10.1.0.10'])
    }
    expect(ask('a.foo.lan', from, 'AAAA')).toMatchObject({ rcode: 0, answers: [] })
    expect(ask('a.foo.lan.docker.internal', host)).toEqual(['10.1.0.10'])
  })

  it('does not stand for its own domain, nor below a closer name (RFC 4592)', () => {
    const ask = of(wild, on('closer', '10.1.0.11', ['api.foo.lan']))
    expect(ask('foo.lan')).toEqual(forwarded)
    expect(ask('api.foo.lan')).toEqual(['10.1.0.11'])
    expect(ask('v1.api.foo.lan')).toEqual(nxdomain)
    expect(ask('web.foo.lan')).toEqual(['10.1.0.10'])
  })

  it('is an alias: of its own network alone, and no name of who is not there', () => {
    const both = container('wild', {
      front: { at: ['10.1.0.10'], names: ['*.foo.lan'] },
      back: { at: ['10.2.0.10'] },
    })
    const ask = of(both, on('behind', '10.2.0.11', []))
    expect(ask('a.foo.lan')).toEqual(['10.1.0.10'])
    expect(ask('a.foo.lan', '10.2.0.11')).toEqual(forwarded)
    expect(ask('a.foo.lan', stranger)).toEqual(forwarded)
  })

  it('goes behind all of Docker’s own names, on whatever network, and behind Compose’s and labels’', () => {
    const compose = { 'com.docker.compose.project': 'lan', 'com.docker.compose.service': 'till.foo' }
    const ask = of(
      wild,
      on('x.foo.lan', '10.2.0.12', []),
      on('till', '10.2.0.13', [], { labels: compose }),
      on('labelled', '10.2.0.14', [], { labels: { 'berth.names': 'l.foo.lan' } }),
    )
    expect(ask('x.foo.lan')).toEqual(['10.2.0.12'])
    expect(ask('till.foo.lan')).toEqual(['10.2.0.13'])
    expect(ask('l.foo.lan')).toEqual(['10.2.0.14'])
  })

  it('stands above public names too, for who is on its network, as an exact alias does', () => {
    const mine = on('mine', '10.1.0.16', ['*.com', '*.co.uk'])
    const ask = of(mine, on('closer', '10.1.0.17', ['*.amazonaws.com', 'db.example.com']))
    expect([ask('www.google.com'), ask('bbc.co.uk')]).toEqual([['10.1.0.16'], ['10.1.0.16']])
    expect([ask('s3.amazonaws.com'), ask('db.example.com')]).toEqual([['10.1.0.17'], ['10.1.0.17']])
    // There, since another is below it; and nobody else's.
    for (const name of ['example.com', 'amazonaws.com']) {
      expect(ask(name), name).toEqual({ rcode: 0, answers: [], soa: true })
    }
    for (const as of [stranger, '10.2.0.99', host]) expect(ask('www.google.com', as), as).toEqual(forwarded)
    expect(ask('com', stranger)).toEqual(nxdomain)
  })

  it('is one with a label’s wildcard', () => {
    const ask = of(wild, on('other', '10.1.0.15', [], { labels: { 'berth.names': '*.foo.lan' } }))
    expect(ask('a.foo.lan')).toEqual(['10.1.0.10', '10.1.0.15'])
  })

  it('gives nothing that no label gives: the zone, reserved domains, names that programs look for unasked', () => {
    const ask = of(
      on('wild', '10.1.0.10', ['*.docker.internal', '*.localhost', '*.foo.lan', '*.arpa', '*.onion']),
    )
    expect(ask('a.docker.internal')).toEqual(nxdomain)
    expect(ask('a.localhost')).toEqual(['127.0.0.1'])
    expect(ask('wpad.foo.lan')).toEqual(nxdomain)
    expect(ask('a.onion')).toEqual(nxdomain)
    expect(ask(reverseName('10.1.0.77'), from, 'PTR')).toEqual(nxdomain)
  })

  it('ends with its container, and what was below it does not leave while that is stopped or not', () => {
    const stopped = container('wild', { front: { at: [], names: ['*.foo.lan'] } }, { running: false })
    expect(of(stopped)('a.foo.lan')).toEqual(forwarded)
    expect(
      of(on('shy', '10.1.0.10', ['*.foo.lan'], { labels: { 'berth.ignore': 'true' } }))('a.foo.lan'),
    ).toEqual(forwarded)
  })

  it.each(['*', '*.', '*.*.lan', 'a.*.lan', '*.foo\\.lan.'])('is none as "%s"', (alias) => {
    expect(of(on('odd', '10.1.0.10', [alias]))('a.b.lan')).toEqual(forwarded)
  })
})

describe('an alias that is not ASCII', () => {
  const umlaut = on('books', '10.1.0.20', ['Bücher.lan', '*.bücher.test'])

  it('answers as programs ask for it, and as UTF-8', () => {
    const ask = of(umlaut)
    for (const name of ['xn--bcher-kva.lan', 'b\\195\\188cher.lan', 'xn--bcher-kva.lan.front']) {
      expect(ask(name), name).toEqual(['10.1.0.20'])
    }
    expect(ask('x.xn--bcher-kva.test')).toEqual(['10.1.0.20'])
    expect(ask('xn--bcher-kva.lan', stranger)).toEqual(forwarded)
  })

  it('goes behind what Docker itself answers by that name, on whatever network', () => {
    expect(of(umlaut, on('ascii', '10.2.0.21', ['xn--bcher-kva.lan']))('xn--bcher-kva.lan')).toEqual([
      '10.2.0.21',
    ])
    expect(of(umlaut, on('literal', '10.2.0.21', ['b\\195\\188cher.lan']))('b\\195\\188cher.lan')).toEqual([
      '10.2.0.21',
    ])
  })

  it('answers in lower case too, as UTF-8, for a question’s case is folded in ASCII alone', () => {
    const ask = of(on('above', '10.1.0.23', ['ÜBER.lan']))
    for (const name of ['xn--ber-goa.lan', '\\195\\188ber.lan', '\\195\\156ber.lan']) {
      expect(ask(name), name).toEqual(['10.1.0.23'])
    }
  })

  it('is the same for hostnames, and for labels', () => {
    const ask = of(on('label', '10.1.0.22', [], { labels: { 'berth.names': 'käse.test,*.öl.test' } }))
    expect(ask('xn--kse-qla.test')).toEqual(['10.1.0.22'])
    expect(ask('a.xn--l-0ga.test')).toEqual(['10.1.0.22'])
  })
})

describe('names that Docker keeps apart', () => {
  it.each([
    ['web.', 'web'],
    ['a\\b', 'ab'],
    ['\\097b', 'ab'],
    ['x\\032y', 'x\\032y'],
    ['ｗｅｂ', 'web'],
  ])('"%s" is not "%s"', (alias, name) => {
    expect(of(on('odd', '10.1.0.30', [alias]))(name)).toEqual(nxdomain)
    expect(
      of(
        on('odd', '10.1.0.30', [alias]),
        on('real', '10.1.0.31', [name === 'x\\032y' ? 'x\\ y' : name]),
      )(name),
    ).toEqual(['10.1.0.31'])
  })

  it('networks too: "bücher" goes behind "xn--bcher-kva"', () => {
    const both = [network('bücher', ['10.5.0.0/24']), network('xn--bcher-kva', ['10.6.0.0/24'])]
    const resolver = resolverFor(
      estate(
        [...networks, ...both],
        [
          container('asker', { bücher: { at: ['10.5.0.2'] }, 'xn--bcher-kva': { at: ['10.6.0.2'] } }),
          container('web', { bücher: { at: ['10.5.0.3'] } }),
          container('web2', { 'xn--bcher-kva': { at: ['10.6.0.3'], names: ['web'] } }),
          container('only', { bücher: { at: ['10.5.0.4'] } }),
        ],
      ),
    )
    expect(decideFor(resolver, '10.5.0.2', 'web.xn--bcher-kva')).toMatchObject({ answers: ['10.6.0.3'] })
    expect(decideFor(resolver, '10.5.0.2', 'only.xn--bcher-kva')).toMatchObject({ answers: ['10.5.0.4'] })
  })

  it('networks too: asked for as UTF-8 they stay in', () => {
    const list = [network('bücher', ['10.5.0.0/24']), ...networks]
    const web = container('web', { bücher: { at: ['10.5.0.3'] } })
    const resolver = resolverFor(estate(list, [asker, web]))
    expect(decideFor(resolver, '10.5.0.3', 'web.b\\195\\188cher')).toMatchObject({ answers: ['10.5.0.3'] })
    expect(decideFor(resolver, '10.5.0.3', 'web.b\\195\\188cher', 'AAAA')).toMatchObject({
      rcode: 0,
      answers: [],
    })
    expect(decideFor(resolver, from, 'web.b\\195\\188cher')).toEqual(nxdomain)
    for (const name of ['web.b\\195\\188cher.example', 'web.b\\195cher', 'nobody.b\\195\\188cher']) {
      expect(decideFor(resolver, from, name), name).toEqual(forwarded)
    }
  })

  it('networks too: "lab." is not "lab"', () => {
    const inNet = container('web', { lab: { at: ['10.3.0.5'] } })
    const inOther = container('web2', { 'lab.': { at: ['10.4.0.5'], names: ['web'] } })
    const ask = of(inNet, inOther)
    expect(ask('web.lab', '10.3.0.5')).toEqual(['10.3.0.5'])
    expect(ask('web.lab', '10.4.0.5')).toEqual(nxdomain)
    expect(ask('web', '10.4.0.5')).toEqual(['10.4.0.5'])
    expect(ask('web.lab.docker.internal', host)).toEqual(['10.3.0.5'])
  })

  it('an address is called by a name that can be asked for', () => {
    const ports = [{ number: 80, protocol: 'tcp' as const, name: undefined }]
    const ask = of(on('web.', '10.1.0.40', ['a\\b', 'shop'], { ports }))
    expect(ask(reverseName('10.1.0.40'), from, 'PTR')).toEqual(['shop.front'])
    expect(ask('_80._tcp.shop', from, 'SRV')).toEqual(['80 shop.front'])
  })
})
