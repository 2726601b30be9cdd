// What Docker itself would answer goes first, and is never mixed with what is berth's own.
import { describe, expect, it } from 'vitest'
import type { StaticHost } from '../../../src/config/types.ts'
import { canonicalName } from '../../../src/dns/name.ts'
import { decideFor, resolverFor } from './deciding.ts'
import { container, estate, network } from './estate.ts'

const networks = [
  network('bridge', ['172.17.0.0/16', 'fd00:17::/64']),
  network('mynet', ['10.1.0.0/24', 'fd00:1::/64']),
  network('zzz', ['10.2.0.0/24']),
]
const app = container('app', {
  bridge: { at: ['172.17.0.2', 'fd00:17::2'], gatewayPriority: 9 },
  mynet: { at: ['10.1.0.2', 'fd00:1::2'] },
  zzz: { at: ['10.2.0.2'] },
})
const resolver = (...containers: ReturnType<typeof container>[]) =>
  resolverFor(estate(networks, [app, ...containers]))
const found = (name: string, containers: ReturnType<typeof container>[], code = 'A') =>
  decideFor(resolver(...containers), '10.1.0.2', canonicalName(name)!, code)

describe('the default bridge, where Docker has no names', () => {
  const stranger = container('db', { bridge: { at: ['172.17.0.9', 'fd00:17::9'] } })

  it('does not take a name that is an alias on a network with names, whatever Docker’s order of networks', () => {
    const real = container('real', { mynet: { at: ['10.1.0.9'], names: ['db'] } })
    expect(found('db', [stranger, real])).toMatchObject({ answers: ['10.1.0.9'] })
  })

  it('does not lend such a name addresses of another family', () => {
    const real = container('real', { mynet: { at: ['10.1.0.9'], names: ['db'] } })
    expect(found('db', [stranger, real], 'AAAA')).toMatchObject({ rcode: 0, answers: [] })
  })

  it('has its names where nothing else is called so', () => {
    expect(found('db', [stranger])).toMatchObject({ answers: ['172.17.0.9'] })
    expect(found('db.bridge', [stranger])).toMatchObject({ answers: ['172.17.0.9'] })
    expect(found('db.docker.internal', [stranger])).toMatchObject({ answers: ['172.17.0.9'] })
  })

  it('does not take a dotted name that Docker reads as NAME.NETWORK', () => {
    const dotted = container('web.mynet', { bridge: { at: ['172.17.0.8'] } })
    const web = container('web', { mynet: { at: ['10.1.0.8'] } })
    expect(found('web.mynet', [dotted, web])).toMatchObject({ answers: ['10.1.0.8'] })
    expect(found('web.mynet.docker.internal', [dotted, web])).toMatchObject({ answers: ['10.1.0.8'] })
  })

  it('has its links, though Docker only writes them into files', () => {
    const asker = container('asker', {
      bridge: { at: ['172.17.0.3'], links: new Map([['primary', 'db']]) },
    })
    const both = resolver(stranger, asker)
    expect(decideFor(both, '172.17.0.3', 'primary')).toMatchObject({ answers: ['172.17.0.9'] })
    expect(decideFor(both, '172.17.0.3', 'db')).toMatchObject({ answers: ['172.17.0.9'] })
  })
})

describe('a container in another’s network namespace', () => {
  const lodger = container('cache', {}, { sharesNetworkOf: 'app' })

  it('does not take a name that Docker has, and is not mixed with it', () => {
    const real = container('real', { zzz: { at: ['10.2.0.7'], names: ['cache'] } })
    expect(found('cache', [lodger, real])).toMatchObject({ answers: ['10.2.0.7'] })
    const same = container('same', { mynet: { at: ['10.1.0.7'], names: ['cache'] } })
    expect(found('cache', [lodger, same])).toMatchObject({ answers: ['10.1.0.7'] })
    expect(found('cache.mynet', [lodger, same])).toMatchObject({ answers: ['10.1.0.7'] })
  })

  it('has its name where nothing else is called so', () => {
    expect(found('cache', [lodger])).toMatchObject({ rcode: 0, answers: ['172.17.0.2'] })
  })

  it('on the host, NAME.NETWORK is what the network’s members get', () => {
    const same = container('same', { mynet: { at: ['10.1.0.7'], names: ['cache'] } })
    const both = resolver(lodger, same)
    expect(decideFor(both, '127.0.0.1', 'cache.mynet.docker.internal')).toMatchObject({
      answers: ['10.1.0.7'],
    })
    expect(decideFor(both, '127.0.0.1', 'cache')).toMatchObject({ rcode: 0, answers: [] })
  })
})

describe('labels', () => {
  const labels = { 'berth.names': 'db,db.test,*.db.test' }
  const labelled = container(
    'labelled',
    { bridge: { at: ['172.17.0.5'] }, mynet: { at: ['10.1.0.5'] } },
    { labels },
  )

  it('come after names of every kind', () => {
    const real = container('real', { zzz: { at: ['10.2.0.9'], names: ['db', 'x.db.test'] } })
    const stranger = container('db', { bridge: { at: ['172.17.0.9'] } })
    const lodger = container('db', {}, { id: 'lodger', sharesNetworkOf: 'app' })
    expect(found('db', [labelled, real])).toMatchObject({ answers: ['10.2.0.9'] })
    expect(found('x.db.test', [labelled, real])).toMatchObject({ answers: ['10.2.0.9'] })
    expect(found('db', [labelled, stranger])).toMatchObject({ answers: ['172.17.0.9'] })
    expect(found('db', [labelled, lodger])).toMatchObject({ answers: ['172.17.0.2'] })
    expect(found('db.test', [labelled])).toMatchObject({ rcode: 0 })
    expect(found('any.db.test', [labelled])).toMatchObject({ answers: ['172.17.0.5'] })
  })

  it('come after SERVICE.PROJECT', () => {
    const service = {
      'com.docker.compose.project': 'test',
      'com.docker.compose.service': 'db',
      'com.docker.compose.container-number': '1',
    }
    const replica = container('test-db-1', { zzz: { at: ['10.2.0.8'] } }, { labels: service })
    expect(found('db.test', [labelled, replica])).toMatchObject({ answers: ['10.2.0.8'] })
    expect(found('1.db.test', [labelled, replica])).toMatchObject({ answers: ['10.2.0.8'] })
  })

  it('on the host, mean something only where nothing else is called so', () => {
    const real = container('real', { zzz: { at: ['10.2.0.9'], names: ['db'] } })
    const host = (...containers: Parameters<typeof resolver>) =>
      decideFor(resolver(...containers), '127.0.0.1', 'db')
    expect(host(labelled, real)).toMatchObject({ answers: ['10.2.0.9'] })
    expect(host(labelled)).toMatchObject({ answers: ['172.17.0.5'] })
  })

  it('on the host, do not mean what a stopped container is called, wherever it was', () => {
    const stopped = container('db', { zzz: { at: [] } }, { running: false })
    const wild = container('x.db.test', { zzz: { at: [] } }, { running: false, id: 'wild' })
    const host = (name: string) => decideFor(resolver(labelled, stopped, wild), '127.0.0.1', name)
    expect(host('db')).toMatchObject({ rcode: 3 })
    expect(host('db.docker.internal')).toMatchObject({ rcode: 3 })
    expect(host('x.db.test.docker.internal')).toMatchObject({ rcode: 3 })
    expect(host('y.db.test.docker.internal')).toMatchObject({ answers: ['172.17.0.5'] })
  })

  it('on the host, grant nothing under the zone that is Docker’s, stopped or not', () => {
    const taken = { 'berth.names': 'web.mynet,*.zzz' }
    const evil = container('evil', { bridge: { at: ['172.17.0.6'] } }, { labels: taken })
    const web = container('web', { mynet: { at: ['10.1.0.8'] } })
    const stopped = container('web', { mynet: { at: [] }, zzz: { at: [] } }, { running: false })
    const host = (...containers: Parameters<typeof resolver>) =>
      decideFor(resolver(...containers), '127.0.0.1', 'web.mynet.docker.internal')
    expect(host(evil, web)).toMatchObject({ answers: ['10.1.0.8'] })
    expect(host(evil, stopped)).toMatchObject({ rcode: 3 })
    const wild = decideFor(resolver(evil, stopped), '127.0.0.1', 'web.zzz.docker.internal')
    expect(wild).toMatchObject({ rcode: 3 })
  })
})

describe('names by label under the zone', () => {
  const named = (project: string) => ({
    'com.docker.compose.project': project,
    'com.docker.compose.service': 'db',
    'com.docker.compose.container-number': '1',
  })

  it('are not another project’s or network’s that is called like a public domain', () => {
    const taker = container(
      'taker',
      { mynet: { at: ['10.1.0.6'] } },
      { labels: { 'berth.names': 'db.dev,web.app,*.dev' } },
    )
    const stopped = container('dev-db-1', { far: { at: [] } }, { running: false, labels: named('dev') })
    const web = container('web', { app: { at: [] } }, { running: false })
    const all = estate(
      [...networks, network('app', ['10.9.0.0/24']), network('far', ['10.8.0.0/24'])],
      [app, taker, stopped, web],
    )
    for (const name of ['db.dev', '1.db.dev', 'web.app', '_http._tcp.db.dev']) {
      for (const from of ['10.1.0.2', '127.0.0.1']) {
        expect(decideFor(resolverFor(all), from, `${name}.docker.internal`), name).toMatchObject({ rcode: 3 })
      }
    }
    // Elsewhere the public name is meant, which a label may take on its own networks.
    expect(decideFor(resolverFor(all), '10.1.0.2', 'db.dev')).toMatchObject({ answers: ['10.1.0.6'] })
    expect(decideFor(resolverFor(all), '10.1.0.2', 'x.dev.docker.internal')).toMatchObject({
      answers: ['10.1.0.6'],
    })
  })

  it('are not Docker Desktop’s, though a wildcard stands above those and the zone is another', () => {
    const taker = container(
      'taker',
      { mynet: { at: ['10.1.0.6'] } },
      { labels: { 'berth.names': '*.internal' } },
    )
    const at = resolverFor(estate(networks, [app, taker]), { zone: 'lab' })
    for (const name of ['vm.docker.internal', 'kubernetes.docker.internal', 'x.docker.internal']) {
      expect(decideFor(at, '10.1.0.2', name), name).toMatchObject({ rcode: 3 })
    }
    expect(decideFor(at, '10.1.0.2', 'x.internal')).toMatchObject({ answers: ['10.1.0.6'] })
  })
})

describe('names below localhost', () => {
  const alias = container('api', { mynet: { at: ['10.1.0.7'], names: ['api.myapp.localhost'] } })

  it('are a network’s aliases first, and loopback where there is none', () => {
    expect(found('api.myapp.localhost', [alias])).toMatchObject({ answers: ['10.1.0.7'] })
    expect(found('api.myapp.localhost', [alias], 'AAAA')).toMatchObject({ rcode: 0, answers: [] })
    expect(found('other.localhost', [alias])).toMatchObject({ answers: ['127.0.0.1'] })
    expect(decideFor(resolver(alias), '127.0.0.1', 'api.myapp.localhost')).toMatchObject({
      answers: ['127.0.0.1'],
    })
  })

  it('localhost itself is loopback, whoever is called so', () => {
    const taken = container('x', { mynet: { at: ['10.1.0.7'], names: ['localhost'] } })
    expect(found('localhost', [taken])).toMatchObject({ answers: ['127.0.0.1'] })
  })
})

describe('other names of berth’s', () => {
  const at = {
    mynet: { at: ['10.1.0.7'], names: ['docker.internal', 'resolver.arpa', 'host.docker.internal', 'x.y'] },
  }
  const all = container('all', at)

  it.each(['docker.internal', 'resolver.arpa', 'host.docker.internal'])('%s: an alias goes first', (name) => {
    expect(found(name, [all])).toMatchObject({ answers: ['10.1.0.7'] })
  })

  it('`hosts:` goes before an alias, but what only lies above its names does not', () => {
    const hosts: StaticHost[] = [
      { name: 'x.y', wildcard: true, v4: ['192.0.2.9'], v6: [], networks: undefined },
      { name: 'docker.internal', wildcard: false, v4: ['192.0.2.8'], v6: [], networks: undefined },
    ]
    const statics = resolverFor(estate(networks, [app, all]), { hosts })
    expect(decideFor(statics, '10.1.0.2', 'docker.internal')).toMatchObject({ answers: ['192.0.2.8'] })
    expect(decideFor(statics, '10.1.0.2', 'x.y')).toMatchObject({ answers: ['10.1.0.7'] })
    expect(decideFor(statics, '10.1.0.2', 'z.x.y')).toMatchObject({ answers: ['192.0.2.9'] })
  })
})
