// Inspects of real engines → networks.
import { describe, expect, it } from 'vitest'
import { completeNetwork, networkFrom } from '../../../../src/docker/model/network.ts'
import { containerNamed, networkNamed, recorded } from '../recorded.ts'

const none: ReadonlySet<string> = new Set()

describe.each(recorded)('engine $engine', (engine) => {
  const told = (name: string) => networkFrom(networkNamed(engine, name), 'local')
  const gateways = (name: string, used: ReadonlySet<string> = none) =>
    completeNetwork(told(name), used).gateways

  it('reads subnets, gateways and the bridge', () => {
    const { Id } = networkNamed(engine, 'app')
    expect(told('app').network).toMatchObject({
      id: Id,
      name: 'app',
      engine: 'local',
      driver: 'bridge',
      internal: false,
      ingress: false,
      subnets: [{ text: '198.18.0.0/24', prefix: 24 }],
      gateways: ['198.18.0.1'],
      bridge: `br-${Id.slice(0, 12)}`,
      members: undefined,
    })
    expect(told('back').network.internal).toBe(true)
    expect(told('bridge').network.bridge).toBe('docker0')
    expect(
      told('six')
        .network.subnets.map(({ text }) => text)
        .sort(),
    ).toEqual(['198.18.2.0/24', 'fd00:77::/64'])
  })

  it('has neither bridge nor guessed gateways where the driver is no bridge', () => {
    for (const name of ['host', 'none', 'ov', 'ingress']) {
      expect(told(name)).toMatchObject({ network: { bridge: undefined }, assumed: [] })
    }
    expect(told('ingress').network.ingress).toBe(true)
  })

  it('guesses the gateway Docker took where none is told', () => {
    expect(gateways('plain')).toEqual(['10.77.0.1'])
    expect(gateways('ranged')).toEqual(['10.78.0.128'])
    expect([...gateways('six')].sort()).toEqual(['198.18.2.1', 'fd00:77::1'])
    const web = containerNamed(engine, 'web').NetworkSettings!.Networks!
    expect([web.plain!.Gateway, web.ranged!.Gateway, web.six!.IPv6Gateway]).toEqual([
      '10.77.0.1',
      '10.78.0.128',
      'fd00:77::1',
    ])
  })

  it('believes its endpoints rather than its guess', () => {
    expect(gateways('plain', new Set(['10.77.0.254']))).toEqual(['10.77.0.254'])
    expect(gateways('app', new Set(['198.18.0.1']))).toEqual(['198.18.0.1'])
  })

  it('stays the same object where nothing is to be added', () => {
    const app = told('app')
    expect(completeNetwork(app, new Set(['198.18.0.1']))).toBe(app.network)
  })

  it('knows who is behind the gateway bridge’s addresses', () => {
    const members = told('docker_gwbridge').network.members!
    expect([...members.values()]).toEqual([containerNamed(engine, 'ovc').Id])
    expect([...members.keys()]).toEqual(['198.18.3.3'])
    expect(told('docker_gwbridge').network.bridge).toBe('docker_gwbridge')
  })
})

it('strips prefix lengths and takes no text for an address', () => {
  const { network } = networkFrom(
    {
      Id: 'n',
      Name: 'n',
      Driver: 'bridge',
      IPAM: {
        Config: [
          { Subnet: 'fd00::/64', Gateway: 'fd00:0::1/64' },
          { Subnet: 'x', Gateway: 'y' },
        ],
      },
    },
    'local',
  )
  expect(network).toMatchObject({ gateways: ['fd00::1'], subnets: [{ text: 'fd00::/64' }] })
})

it('survives an engine that tells next to nothing', () => {
  expect(networkFrom({ Id: 'n', Name: 'n' }, 'local').network).toMatchObject({ driver: '', subnets: [] })
})
