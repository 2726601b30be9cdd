// Engines in virtual machines and rootless ones, by what they tell of themselves. The products' answers are put together
// from public issues and documentation, trimmed to the fields that are read; none of it was run on the real thing.
import { describe, expect, it } from 'vitest'
import type { ApiInfo } from '../../../../src/docker/api/types.ts'
import { readInfo } from '../../../../src/docker/api/validate.ts'
import { describeIsolation, isolationOf, sharesNetworks } from '../../../../src/docker/model/isolation.ts'

const rootless = ['name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns']

describe('an engine', () => {
  it.each<[string, ApiInfo, string, string]>([
    [
      'Docker Desktop',
      { Name: 'docker-desktop', OperatingSystem: 'Docker Desktop' },
      'Docker Desktop',
      'machine',
    ],
    [
      'an older Docker Desktop',
      { Name: 'linuxkit-025', OperatingSystem: 'Docker Desktop' },
      'Docker Desktop',
      'machine',
    ],
    ['OrbStack', { Name: 'orbstack', OperatingSystem: 'OrbStack' }, 'OrbStack', 'routed'],
    ['Colima', { Name: 'colima', OperatingSystem: 'Ubuntu 24.04.1 LTS' }, 'Colima', 'machine'],
    ['Colima with a profile', { Name: 'colima-work', OperatingSystem: 'Ubuntu 23.10' }, 'Colima', 'machine'],
    [
      'Rancher Desktop on a Mac',
      { Name: 'lima-rancher-desktop', OperatingSystem: 'Alpine Linux v3.23' },
      ...(['Rancher Desktop', 'machine'] as const),
    ],
    [
      'Rancher Desktop on Windows',
      { Name: 'WIN-PC', OperatingSystem: 'Rancher Desktop WSL Distribution' },
      ...(['Rancher Desktop', 'machine'] as const),
    ],
    ['Lima', { Name: 'lima-docker', OperatingSystem: 'Ubuntu 24.10' }, 'Lima', 'machine'],
    // As Podman 5.8.6 told, run by a user with pasta, trimmed to what is read.
    [
      'rootless Podman',
      {
        ...{ Name: 'vm', OperatingSystem: 'debian', Rootless: true },
        SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'],
      },
      ...(['rootless Podman', 'rootless'] as const),
    ],
    ['rootless Docker', { Name: 'pc', SecurityOptions: rootless }, 'a rootless engine', 'rootless'],
    // Lima's own template runs rootless Docker: the machine is what stands between.
    ['a rootless one in Lima', { Name: 'lima-docker', SecurityOptions: rootless }, 'Lima', 'machine'],
  ])('%s is known', (_, info, by, kind) => {
    expect(isolationOf(info)).toEqual({ by, kind })
  })

  it.each<[string, ApiInfo]>([
    [
      'on Linux',
      { Name: 'pc', OperatingSystem: 'Debian GNU/Linux 12 (bookworm)', SecurityOptions: ['name=apparmor'] },
    ],
    ['that tells nothing', {}],
    ['Podman with root', { Name: 'vm', Rootless: false, SecurityOptions: ['name=seccomp,profile=default'] }],
    ['whose host is called like one', { Name: 'my-colima', OperatingSystem: 'A fork of Docker Desktop' }],
    [
      'whose profile is called so',
      { SecurityOptions: ['name=seccomp,profile=name=rootless', 'name=rootlesskit'] },
    ],
  ])('%s is not', (_, info) => {
    expect(isolationOf(info)).toBeUndefined()
  })

  it('is said to have its addresses out of reach, but where they are not', () => {
    const say = (info: ApiInfo) => describeIsolation(isolationOf(info)!)
    expect(say({ Name: 'colima' })).toMatch(
      /^Colima has its networks in a virtual machine: their addresses lead nowhere/,
    )
    expect(say({ SecurityOptions: rootless })).toMatch(/^a rootless engine .* namespace .* lead nowhere/)
    expect(say({ Rootless: true })).toMatch(
      /^rootless Podman .* has one of this machine's addresses and sees every name; .*podman unshare --rootless-netns/,
    )
    expect(say({ OperatingSystem: 'OrbStack' })).not.toMatch(/lead nowhere/)
    for (const Name of ['colima', 'orbstack']) expect(say({ Name })).toMatch(/looks? like this machine/)
  })
})

it('what is no text, no list or too long is told of, and nothing is made of it', () => {
  const wrong: string[] = []
  const read = (told: Record<string, unknown>) => isolationOf(readInfo(told, (field) => wrong.push(field)))
  expect(read({ Name: ['colima'], OperatingSystem: 7, SecurityOptions: 'name=rootless' })).toBeUndefined()
  expect(read({ Rootless: 'yes' })).toBeUndefined()
  expect(read({ Name: `colima-${'x'.repeat(2000)}`, SecurityOptions: [{}, 3] })).toBeUndefined()
  expect(read({ Name: null, OperatingSystem: null, SecurityOptions: null })).toBeUndefined()
  expect(new Set(wrong)).toEqual(new Set(['Name', 'OperatingSystem', 'SecurityOptions', 'Rootless']))
})

it('its networks are ours where one of our addresses is among theirs', () => {
  const addresses = new Set(['127.0.0.1', '172.17.0.1'])
  for (const mayBeInUserNamespace of [true, false]) {
    const here = { addresses, mayBeInUserNamespace }
    const colima = isolationOf({ Name: 'colima' })!
    expect(sharesNetworks(colima, here, ['172.18.0.1', '172.17.0.1'])).toBe(true)
    expect(sharesNetworks(colima, here, ['172.18.0.1'])).toBe(false)
    expect(sharesNetworks(colima, here, [])).toBe(false)
    // A rootless engine's: only from a user namespace. Elsewhere it is the bridge of an engine with root beside it.
    const isOurs = sharesNetworks(isolationOf({ Rootless: true })!, here, ['172.18.0.1', '172.17.0.1'])
    expect(isOurs).toBe(mayBeInUserNamespace)
  }
})
