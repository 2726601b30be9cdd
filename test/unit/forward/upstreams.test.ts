// `upstreams: auto`: what is made of resolv.conf on hosts and in containers, and that changes are followed.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { LoopState } from '../../../src/forward/loop/prober.ts'
import { followUpstreams } from '../../../src/forward/upstreams.ts'
import type { Logger } from '../../../src/lib/log.ts'
import { createHandClock } from '../../hand-clock.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-upstreams-'))
afterAll(() => rmSync(directory, { recursive: true }))
const files = { resolvConf: join(directory, 'resolv.conf'), uplinks: join(directory, 'uplinks') }

interface Machine {
  readonly resolvConf?: string | undefined
  readonly uplinks?: string | undefined
  readonly ours?: readonly string[]
  readonly loops?: Record<string, LoopState>
}

function put(file: string, text: string | undefined): void {
  if (text === undefined) {
    rmSync(file, { force: true })
    return
  }
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

const servers = (...hosts: string[]) => hosts.map((host) => `nameserver ${host}\n`).join('')

async function follow(machine: Machine) {
  const { clock, turn, pending } = createHandClock()
  const told: string[] = []
  let changes = 0
  let { ours = [], loops = {} } = machine
  put(files.resolvConf, machine.resolvConf)
  put(files.uplinks, machine.uplinks)
  const log = Object.fromEntries(
    ['info', 'warn', 'debug'].map((level) => [
      level,
      (_: object, text: string) => told.push(`${level} ${text}`),
    ]),
  ) as unknown as Logger
  const upstreams = await followUpstreams({
    ...{ configured: 'auto', files, clock, log },
    read: (file) => readFile(file, 'utf8'),
    isOurs: (host, port) => port === 53 && ours.includes(host),
    loopStateOf: ({ host }) => loops[host] ?? 'unknown',
    onChange: () => void changes++,
  })
  upstreams.start()
  const hosts = () => {
    const now = upstreams.current()
    // What is made for a list is made once.
    expect(upstreams.current()).toBe(now)
    return now.map(({ host }) => host)
  }
  return {
    ...{ upstreams, told, hosts },
    changes: () => changes,
    /** The machine becomes this, and the files are looked at once more. */
    async becomes(next: Machine) {
      if ('resolvConf' in next) put(files.resolvConf, next.resolvConf)
      if ('uplinks' in next) put(files.uplinks, next.uplinks)
      if (next.ours) ours = next.ours
      if (next.loops) loops = next.loops
      turn(2000)
      // Once it has looked it waits again.
      await vi.waitUntil(() => pending() > 0, { timeout: 20_000, interval: 1 })
    },
  }
}

const external = (list: string) => `nameserver 127.0.0.11\noptions ndots:0\n\n# ExtServers: [${list}]\n`

describe('what is made of resolv.conf', () => {
  it.each<[title: string, machine: Machine, upstreams: string[]]>([
    [
      'all of its servers, glibc’s three or more',
      { resolvConf: servers('9.9.9.9', '192.0.2.1', '192.0.2.2', '192.0.2.3') },
      ['9.9.9.9', '192.0.2.1', '192.0.2.2', '192.0.2.3'],
    ],
    ['each once', { resolvConf: servers('9.9.9.9', '192.0.2.1', '9.9.9.9') }, ['9.9.9.9', '192.0.2.1']],
    [
      'a link-local server with its interface',
      { resolvConf: `${servers('fe80::1%eth0')}options no-such:1 edns0\n` },
      ['fe80::1%eth0'],
    ],
    ['none of an empty file', { resolvConf: '' }, []],
    ['none of a missing one', {}, []],
    ['not ourselves', { resolvConf: servers('192.0.2.1', '9.9.9.9'), ours: ['192.0.2.1'] }, ['9.9.9.9']],
    [
      'what is not an address is passed over',
      { resolvConf: `nameserver dns.example\n${servers('9.9.9.9')}` },
      ['9.9.9.9'],
    ],
    [
      'systemd-resolved’s stub itself, which knows the VPN’s domains',
      { resolvConf: servers('127.0.0.53'), uplinks: servers('192.0.2.1') },
      ['127.0.0.53'],
    ],
    [
      'the stub, where nobody knows its uplinks',
      { resolvConf: servers('127.0.0.53'), loops: { '127.0.0.53': 'unknown' } },
      ['127.0.0.53'],
    ],
    [
      'its uplinks where it asks us back',
      {
        resolvConf: servers('127.0.0.53'),
        uplinks: servers('192.0.2.1', '192.0.2.2'),
        loops: { '127.0.0.53': 'looping' },
      },
      ['192.0.2.1', '192.0.2.2'],
    ],
    [
      'its other uplinks while we are one of them, and no probe has shown what it does',
      { resolvConf: servers('127.0.0.53'), uplinks: servers('192.0.2.9', '192.0.2.1'), ours: ['192.0.2.9'] },
      ['192.0.2.1'],
    ],
    [
      'the stub, where we are an uplink for some domains alone, as a probe has shown',
      {
        resolvConf: servers('127.0.0.53'),
        uplinks: servers('192.0.2.9', '192.0.2.1'),
        ours: ['192.0.2.9'],
        loops: { '127.0.0.53': 'clear' },
      },
      ['127.0.0.53'],
    ],
    [
      'systemd-resolved’s other uplinks, where the machine’s resolver is berth',
      { resolvConf: servers('127.0.0.1'), uplinks: servers('127.0.0.1', '192.0.2.1'), ours: ['127.0.0.1'] },
      ['192.0.2.1'],
    ],
    [
      'none, where the machine’s resolver is berth and nothing else is known',
      { resolvConf: servers('127.0.0.1'), ours: ['127.0.0.1'] },
      [],
    ],
    [
      'in a container the servers that Docker’s resolver asks',
      { resolvConf: external('192.0.2.1 198.51.100.1') },
      ['192.0.2.1', '198.51.100.1'],
    ],
    [
      'those of the host that can be reached from a container',
      { resolvConf: external('host(192.0.2.1) host(127.0.0.53)') },
      ['192.0.2.1'],
    ],
    [
      'not those with an interface of the host’s',
      { resolvConf: external('host(fe80::1%eth0) 198.51.100.1') },
      ['198.51.100.1'],
    ],
    [
      'Docker’s resolver, where its own server is on the host’s loopback',
      { resolvConf: external('host(127.0.0.53)') },
      ['127.0.0.11'],
    ],
    [
      'Docker’s resolver, where the file does not say whom it asks',
      { resolvConf: servers('127.0.0.11') },
      ['127.0.0.11'],
    ],
    [
      'none where it would ask us: the engine’s dns is berth',
      { resolvConf: external('172.18.0.2'), ours: ['172.18.0.2'] },
      [],
    ],
    [
      'servers beside Docker’s',
      { resolvConf: `${servers('192.0.2.7')}${external('192.0.2.1')}` },
      ['192.0.2.7', '192.0.2.1'],
    ],
  ])('%s', async (_, machine, expected) => {
    const { hosts, upstreams } = await follow(machine)
    expect(hosts()).toEqual(expected)
    upstreams.stop()
  })
})

describe('changes', () => {
  it('are followed, by writing and by rename, an empty file included', async () => {
    const { hosts, becomes, upstreams, changes } = await follow({ resolvConf: servers('192.0.2.1') })
    expect(changes()).toBe(1)
    await becomes({ resolvConf: servers('192.0.2.2') })
    expect(hosts()).toEqual(['192.0.2.2'])
    expect(changes()).toBe(2)
    writeFileSync(files.resolvConf, servers('192.0.2.3'))
    await becomes({})
    expect(hosts()).toEqual(['192.0.2.3'])
    await becomes({ resolvConf: '' })
    expect(hosts()).toEqual([])
    upstreams.stop()
  })

  it('keep what was there while the file is gone, with one warning', async () => {
    const { hosts, becomes, told, upstreams } = await follow({ resolvConf: servers('192.0.2.1') })
    await becomes({ resolvConf: undefined })
    await becomes({})
    expect(hosts()).toEqual(['192.0.2.1'])
    expect(told.filter((line) => line.startsWith('warn'))).toEqual(['warn can not read upstreams'])
    await becomes({ resolvConf: servers('192.0.2.2') })
    expect(hosts()).toEqual(['192.0.2.2'])
    await becomes({ resolvConf: undefined })
    expect(told.filter((line) => line.startsWith('warn'))).toHaveLength(2)
    upstreams.stop()
  })

  it('of the uplinks and of what probes show are followed too', async () => {
    const stub = { resolvConf: servers('127.0.0.53'), uplinks: servers('192.0.2.1') }
    const { hosts, becomes, changes, upstreams } = await follow(stub)
    expect(upstreams.candidates().map(({ host }) => host)).toEqual(['127.0.0.53'])
    await becomes({ loops: { '127.0.0.53': 'looping' } })
    expect(hosts()).toEqual(['192.0.2.1'])
    expect(upstreams.candidates().map(({ host }) => host)).toEqual(['127.0.0.53', '192.0.2.1'])
    expect(changes()).toBe(2)
    await becomes({ uplinks: servers('192.0.2.2') })
    expect(hosts()).toEqual(['192.0.2.2'])
    upstreams.stop()
  })
})
