// Containers that have no IPv6 by a sysctl, whatever address the engine tells of them: as seen in containers of 20.10,
// 26.1 and 28.5 (where the engine leaves the address out itself).
import { describe, expect, it } from 'vitest'
import type { ApiContainer, ApiEndpoint } from '../../../../src/docker/api/types.ts'
import { readContainer } from '../../../../src/docker/api/validate.ts'
import {
  containerFrom,
  updateFromRow,
  withEndpointAddresses,
} from '../../../../src/docker/model/container.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { createStore } from '../../../../src/registry/store.ts'
import { labelRules, noImages } from '../label-rules.ts'

const place = (n: number, extra: ApiEndpoint = {}): ApiEndpoint => ({
  ...{ NetworkID: `id${n}`, IPAddress: `10.0.${n}.2`, GlobalIPv6Address: `fd00:${n}::2` },
  ...extra,
})
const raw = (
  Sysctls: Record<string, string>,
  Networks: Record<string, ApiEndpoint> = { one: place(1) },
  NetworkMode = 'one',
): ApiContainer => ({
  ...{ Id: 'c', Name: '/web', State: { Running: true }, HostConfig: { NetworkMode, Sysctls } },
  NetworkSettings: { Networks },
})
/** Networks on which it has an IPv6 address. */
const sixOn = (told: ApiContainer) =>
  containerFrom(told, 'e', () => undefined)
    .container.endpoints.filter(({ v6 }) => v6.length > 0)
    .map(({ networkId }) => networkId)
const conf = (name: string, value = '1') => ({ [`net.ipv6.conf.${name}.disable_ipv6`]: value })

describe('IPv6 is off', () => {
  it.each([
    ['all', conf('all')],
    ['any number but 0', conf('all', '2')],
    ['written in another way', conf('all', ' 0x1 ')],
    ['all, whatever an interface has', { ...conf('all'), ...conf('eth0', '0'), ...conf('default', '0') }],
    ['with slashes', { 'net/ipv6/conf/all/disable_ipv6': '1' }],
    ['eth0', conf('eth0')],
  ])('on the only network: %s', (_, sysctls) => {
    expect(sixOn(raw(sysctls))).toEqual([])
  })

  it.each([
    ['none', {}],
    ['0', conf('all', '0')],
    ['nothing', conf('all', '')],
    // It is of interfaces that come later, and Docker gives those that it makes their addresses all the same.
    ['default', conf('default')],
    ['lo', conf('lo')],
    ['eth7', conf('eth7')],
    ['another setting', { 'net.ipv6.conf.all.forwarding': '1' }],
  ])('nowhere: %s', (_, sysctls) => {
    expect(sixOn(raw(sysctls))).toEqual(['id1'])
  })

  it('on the first of several networks by eth0, on all by all, on one by its own setting', () => {
    const two = { two: place(2), one: place(1) }
    expect(sixOn(raw(conf('eth0'), two))).toEqual(['id2'])
    expect(sixOn(raw(conf('eth0'), two, 'id1'))).toEqual(['id2'])
    expect(sixOn(raw(conf('eth0'), two, 'gone'))).toEqual(['id2', 'id1'])
    expect(sixOn(raw(conf('all'), two))).toEqual([])
    const own = {
      'com.docker.network.endpoint.sysctls':
        'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.disable_ipv6=1',
    }
    expect(sixOn(raw({}, { one: place(1), two: place(2, { DriverOpts: own }) }))).toEqual(['id1'])
    const called = { 'com.docker.network.endpoint.ifname': 'lan' }
    expect(sixOn(raw(conf('lan'), { one: place(1), two: place(2, { DriverOpts: called }) }))).toEqual(['id1'])
  })
})

it('IPv4 stays, and so do the other networks’ addresses', () => {
  const { container } = containerFrom(raw(conf('all')), 'e', () => undefined)
  expect(container.endpoints.map(({ v4 }) => v4)).toEqual([['10.0.1.2']])
})

it('what an engine tells in a row, or of a network’s members, does not bring the address back', () => {
  const known = createEngineState({
    ...{ engine: 'e', late() {}, invalidLabels() {}, labelRules: () => labelRules },
    images: noImages,
  })
  known.keepNetwork(
    { Id: 'id1', Name: 'one', Driver: 'bridge', IPAM: { Config: [{ Subnet: 'fd00:1::/64' }] } },
    1,
  )
  const six = () => {
    store.apply({ kind: 'update', engine: 'e', ...known.takeChanges() })
    return [...store.current().owners.keys()].filter((address) => address.includes(':'))
  }
  const store = createStore(['e'])
  known.keepContainer({ ...raw(conf('all')), State: { Running: false } }, 2)
  known.pending.set('c', 'id1', { v4: ['10.0.1.2'], v6: ['fd00:1::2'], since: 1 })
  known.setContainer(known.containers.get('c')!.value, 3)
  expect(six()).toEqual([])
  expect([...store.current().owners.keys()]).toEqual(['10.0.1.2'])
  known.keepContainer(raw(conf('all')), 4)
  const { value } = known.containers.get('c')!
  known.setContainer(withEndpointAddresses(value, 'id1', { v4: [], v6: ['fd00:1::2'] }), 5)
  expect(six()).toEqual([])
  const row = { Id: 'c', Names: ['/web'], State: 'running', NetworkSettings: { Networks: { one: place(1) } } }
  known.setContainer(updateFromRow(value, row), 6)
  expect(six()).toEqual([])
})

it('the settings are read of an inspect, and of nothing that is none', () => {
  const wrong: string[] = []
  const read = (HostConfig: unknown, DriverOpts?: unknown) =>
    readContainer(
      { Id: 'c', Name: '/web', HostConfig, NetworkSettings: { Networks: { n: { DriverOpts } } } },
      (field) => wrong.push(field),
    )!
  expect(read({ Sysctls: { a: '1' } }, { b: '2' })).toMatchObject({
    HostConfig: { Sysctls: { a: '1' } },
    NetworkSettings: { Networks: { n: { DriverOpts: { b: '2' } } } },
  })
  expect(wrong).toEqual([])
  expect(read({ Sysctls: ['x'] }, 7).HostConfig!.Sysctls).toBeUndefined()
  expect(read({ Sysctls: { a: 1, b: '2' } }).HostConfig!.Sysctls).toEqual({ b: '2' })
  expect(wrong).toEqual(['HostConfig.Sysctls', 'DriverOpts', 'HostConfig.Sysctls'])
})
