// Inspects of real engines → containers and endpoints.
import { describe, expect, it } from 'vitest'
import type { ApiContainer } from '../../../../src/docker/api/types.ts'
import {
  containerFrom,
  rowSignature,
  updateFromRow,
  withGrants,
  withoutAddresses,
} from '../../../../src/docker/model/container.ts'
import { findLabelOwnership, grant, trimLabels } from '../../../../src/docker/model/grants.ts'
import { labelRules } from '../label-rules.ts'
import { containerNamed, type Engine, networkNamed, recorded } from '../recorded.ts'

const read = (engine: Engine, name: string) =>
  containerFrom(
    containerNamed(engine, name),
    'local',
    (network) => engine.networks.find(({ Name }) => Name === network)?.Id,
  )

const onNetwork = (engine: Engine, container: string, network: string) => {
  const { Id } = networkNamed(engine, network)
  return read(engine, container).container.endpoints.find(({ networkId }) => networkId === Id)!
}

describe.each(recorded)('engine $engine', (engine) => {
  const shortId = (name: string) => containerNamed(engine, name).Id.slice(0, 12)

  it('gives a container Docker’s names in Docker’s order on each of its networks', () => {
    const id = shortId('web')
    expect(onNetwork(engine, 'web', 'app').names).toEqual(['web', 'w', 'api.example', id, 'HostOne'])
    expect(onNetwork(engine, 'web', 'back').names).toEqual(['web', 'Cache', id, 'HostOne'])
    expect(onNetwork(engine, 'web', 'plain').names).toEqual(['web', id, 'HostOne'])
  })

  it('tells a name once where the hostname is the short id', () => {
    expect(onNetwork(engine, 'sick', 'app').names).toEqual(['sick', shortId('sick')])
  })

  it('knows addresses of both families and how many gateways there are', () => {
    expect(onNetwork(engine, 'web', 'six')).toMatchObject({
      v4: ['198.18.2.2'],
      v6: ['fd00:77::2'],
      gatewayFamilies: 2,
      links: new Map(),
      gatewayPriority: 0,
    })
    expect(read(engine, 'web').gateways.get(networkNamed(engine, 'six').Id)).toEqual([
      '198.18.2.1',
      'fd00:77::1',
    ])
  })

  it('finds containers on the default bridge, by name, short id and hostname', () => {
    expect(onNetwork(engine, 'dflt', 'bridge')).toMatchObject({
      names: ['dflt', shortId('dflt')],
      v4: ['198.19.255.2'],
    })
  })

  it.each(['hostnet', 'nonet', 'shared'])('gives %s no endpoint', (name) => {
    expect(read(engine, name).container).toMatchObject({ running: true, endpoints: [] })
  })

  it.each([
    ['made', ['made', 'later']],
    ['madeid', ['madeid']],
    ['gone', ['gone', 'g']],
    ['loop', ['loop']],
  ])('keeps the names of %s, which is not running, and no address', (name, names) => {
    const { container, gateways } = read(engine, name)
    expect(container.running).toBe(false)
    expect(container.endpoints).toEqual([
      {
        networkId: networkNamed(engine, 'app').Id,
        containerId: container.id,
        names: [...names, shortId(name)],
        namesFromEngine: false,
        v4: [],
        v6: [],
        gatewayPriority: 0,
        gatewayFamilies: 0,
        links: new Map(),
      },
    ])
    expect(gateways.size).toBe(0)
  })

  it('keeps a paused container in place and tells health', () => {
    expect(read(engine, 'held').container).toMatchObject({ running: true, health: 'none' })
    expect(onNetwork(engine, 'held', 'app').v4).toEqual(['198.18.0.5'])
    expect(read(engine, 'sick').container.health).toBe('unhealthy')
  })

  it('takes no address from a container between restarts, whatever its inspect still shows', () => {
    const raw = structuredClone(containerNamed(engine, 'loop'))
    raw.NetworkSettings!.Networks!.app!.IPAddress = '198.18.0.9'
    expect(containerFrom(raw, 'local', () => undefined).container.endpoints[0]!.v4).toEqual([])
  })

  it('has names that the engine tells on the default bridge, as 26.1 and 28.5 do after a rename, as told', () => {
    const raw = structuredClone(containerNamed(engine, 'dflt'))
    const told = () =>
      containerFrom(raw, 'local', () => undefined).container.endpoints.map(
        ({ namesFromEngine }) => namesFromEngine,
      )
    expect(told()).toEqual([false])
    raw.NetworkSettings!.Networks!.bridge!.DNSNames = ['dflt', raw.Id.slice(0, 12)]
    expect(told()).toEqual([true])
    // It is of the last run, or from before a rename that it has forgotten.
    raw.NetworkSettings!.Networks!.bridge!.DNSNames = ['other', raw.Id.slice(0, 12)]
    expect(told()).toEqual([false])
    raw.NetworkSettings!.Networks!.bridge!.DNSNames = ['dflt']
    raw.State = { ...raw.State, Running: false, Status: 'exited' }
    expect(told()).toEqual([false])
  })

  it('leaves out a network that nobody knows', () => {
    const { container } = containerFrom(containerNamed(engine, 'made'), 'local', () => undefined)
    expect(container.endpoints).toEqual([])
  })

  it('recognises in a list’s row what an inspect told, so that nothing is inspected twice', () => {
    for (const row of engine.rows) {
      const { signature } = read(engine, row.Names![0]!.slice(1))
      // The two were read at different moments; this one's restarts fell between.
      if (row.Names![0] === '/loop' && row.State !== 'restarting') continue
      expect(rowSignature(row), row.Names![0]).toBe(signature)
    }
  })

  it('sees in a row that a name, a state, health or an address is another', () => {
    const row = engine.rows.find(({ Names }) => Names?.[0] === '/sick')!
    const { signature } = read(engine, 'sick')
    for (const change of [{ Names: ['/other'] }, { State: 'exited' }, { Status: 'Up 5 seconds (healthy)' }]) {
      expect(rowSignature({ ...row, ...change })).not.toBe(signature)
    }
    expect(rowSignature({ ...row, Names: ['/web/link', '/sick'] })).toBe(signature)
    const moved = structuredClone(row)
    moved.NetworkSettings!.Networks!.app!.IPAddress = '198.18.0.77'
    expect(rowSignature(moved)).not.toBe(signature)
    expect(updateFromRow(read(engine, 'sick'), moved).container.endpoints[0]!.v4).toEqual(['198.18.0.77'])
    expect(updateFromRow(read(engine, 'sick'), { ...row, State: 'exited' }).container).toMatchObject({
      running: false,
      endpoints: [{ v4: [], v6: [] }],
    })
  })

  it('drops addresses on one network, or all of them', () => {
    const { container } = read(engine, 'web')
    const { Id } = networkNamed(engine, 'app')
    const left = withoutAddresses(container, Id)
    expect(left.running).toBe(true)
    expect(left.endpoints.filter(({ v4 }) => v4.length === 0).map(({ networkId }) => networkId)).toEqual([Id])
    const stopped = withoutAddresses(container)
    expect(stopped.running).toBe(false)
    expect(stopped.endpoints.every(({ v4, v6 }) => v4.length + v6.length === 0)).toBe(true)
    expect(stopped.endpoints.map(({ names }) => names)).toEqual(container.endpoints.map(({ names }) => names))
  })
})

it('takes DNSNames as they are, and gateway priority (API 1.48)', () => {
  const raw = {
    Id: 'f'.repeat(64),
    Name: '/a',
    State: { Running: true, Status: 'running' },
    Config: { Hostname: 'h' },
    NetworkSettings: {
      Networks: { n: { NetworkID: 'n1', IPAddress: '10.0.0.2', DNSNames: ['a', 'Y'], GwPriority: 7 } },
    },
  }
  expect(containerFrom(raw, 'local', () => undefined).container.endpoints).toMatchObject([
    { names: ['a', 'Y'], gatewayPriority: 7, gatewayFamilies: 0 },
  ])
})

it('does not go by the names of a stopped container’s last run: it may have been renamed since', () => {
  const place = { NetworkID: 'n1', Aliases: ['alias'], DNSNames: ['old', 'alias', 'x'] }
  const raw: ApiContainer = {
    ...{ Id: 'x', Name: '/new', State: { Running: false, Status: 'exited' }, Config: { Hostname: 'h' } },
    NetworkSettings: { Networks: { n: place } },
  }
  const { container } = containerFrom(raw, 'local', () => undefined)
  expect(container.endpoints[0]!.names).toEqual(['new', 'alias', 'x', 'h'])
})

it('goes by the name where DNSNames lack it: an engine killed after a rename had not saved them', () => {
  const place = { NetworkID: 'n1', Aliases: ['alias'], DNSNames: ['old', 'alias', 'x'] }
  const raw: ApiContainer = {
    ...{ Id: 'x', Name: '/new', State: { Running: true, Status: 'running' }, Config: { Hostname: 'h' } },
    NetworkSettings: { Networks: { n: place } },
  }
  const { container } = containerFrom(raw, 'local', () => undefined)
  expect(container.endpoints[0]!.names).toEqual(['new', 'alias', 'x', 'h'])
})

it('survives an engine that tells next to nothing', () => {
  expect(containerFrom({ Id: 'x', Name: 'bare' }, 'local', () => undefined).container).toEqual({
    id: 'x',
    name: 'bare',
    engine: 'local',
    running: false,
    health: 'none',
    labels: {},
    settings: { names: [], wildcards: [], ignored: false, ttl: undefined },
    ungranted: [],
    ports: [],
    sharesNetworkOf: undefined,
    endpoints: [],
  })
})

it('keeps of its labels what says of which service it is, and has read the others of ours', () => {
  const service = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
  const others = {
    'com.docker.compose.config-hash': 'f'.repeat(64),
    'berth.ttl': '7',
    note: 'x'.repeat(1000),
  }
  const raw = { Id: 'x', Name: '/a', Config: { Labels: { ...others, ...service } } }
  const told = containerFrom(raw, 'local', () => undefined)
  const labels = trimLabels(told.labels)
  const { container } = withGrants(told, grant(labels, findLabelOwnership(told.labels, {}), labelRules))
  expect(labels.declared).toEqual({ ...service, 'berth.ttl': '7' })
  expect(container.labels).toEqual(service)
  expect(container.settings.ttl).toBe(7)
})

it('a link’s alias that is not ASCII is found as programs ask for it', () => {
  const raw = {
    ...{ Id: 'c', Name: '/web', State: { Running: true } },
    NetworkSettings: { Networks: { one: { NetworkID: 'id1', IPAddress: '10.0.1.2', Links: ['db:Käse'] } } },
  }
  const { container } = containerFrom(raw, 'e', () => undefined)
  const [{ links }] = container.endpoints as [(typeof container.endpoints)[number]]
  expect([links.get('xn--kse-qla'), links.get('k\\195\\164se')]).toEqual(['db', 'db'])
})
