// Names that Docker's own resolver does not have, and places where it is not: each on a real engine, from inside.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reverseName } from '../../src/dns/reverse.ts'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, pidOf, runContainer, until } from './docker.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

let upstream: RecordingUpstream
const berths: Berth[] = []
const networks = ['rows_front', 'rows_back', 'rows.dotted_Net', 'rows_pipe']
/** Where each asker reaches berth: the host's address on its network. */
const servers = new Map<string, string>()

beforeAll(async () => {
  execFileSync('ip', ['link', 'add', 'rowsA', 'type', 'veth', 'peer', 'name', 'rowsB'])
  for (const link of ['rowsA', 'rowsB']) execFileSync('ip', ['link', 'set', link, 'up'])
  // What a macvlan network's containers have for a gateway is on the other side of the parent's wire.
  execFileSync('ip', ['address', 'add', '10.177.0.1/24', 'dev', 'rowsB'])
  await docker('network', 'create', '--ipv6', '--subnet', 'fd00:77::/64', 'rows_front')
  await docker('network', 'create', 'rows_back')
  await docker('network', 'create', '--internal', 'rows.dotted_Net')
  const pipe = ['--driver', 'macvlan', '--opt', 'parent=rowsA', '--subnet', '10.177.0.0/24']
  await docker('network', 'create', ...pipe, 'rows_pipe')
  const front = ['--network', 'rows_front']
  const compose = (n: number) => [
    ...['--label', 'com.docker.compose.project=rowshop', '--label', 'com.docker.compose.service=api'],
    ...['--label', `com.docker.compose.container-number=${n}`, '--network-alias', 'api'],
  ]
  const labels = ['berth.names=rows.test,*.rows.test', 'berth.ttl=7', 'berth.port.web=8080']
  await Promise.all([
    runContainer('rows-asker', ...front),
    runContainer(
      'rows-app',
      ...front,
      '--expose',
      '53/udp',
      ...labels.flatMap((label) => ['--label', label]),
    ),
    runContainer('rows-shy', ...front, '--label', 'berth.ignore=true'),
    runContainer('rows-api-1', ...front, ...compose(1)),
    runContainer('rows-api-2', ...front, ...compose(2)),
    runContainer('rows-back', '--network', 'rows_back'),
    runContainer('rows.Dotted_Name', '--network', 'rows.dotted_Net', '--network-alias', 'Mixed'),
    runContainer('rows-peer', '--network', 'rows.dotted_Net'),
    runContainer('rows-pipe-1', '--network', 'rows_pipe'),
    runContainer('rows-pipe-2', '--network', 'rows_pipe'),
    runContainer('rows-plain-1'),
    runContainer('rows-hosted', '--network', 'host'),
  ])
  await Promise.all([
    runContainer('rows-plain-2', '--link', 'rows-plain-1:legacy'),
    runContainer('rows-lodger', '--network', 'container:rows-app'),
  ])
  upstream = await startUpstream()
  berths.push(
    await startBerth({
      listen: ['*:53'],
      forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
      hosts: {
        'static.rows': { addresses: ['192.0.2.7'], networks: ['rows_back'] },
        '*.static.rows': '192.0.2.8',
      },
    }),
  )
  for (const network of ['rows_front', 'rows_back', 'rows.dotted_Net', 'bridge']) {
    servers.set(network, (await gatewayOf(network)).v4)
  }
  servers.set('rows_pipe', '10.177.0.1')
})

afterAll(async () => {
  for (const berth of berths) expect(await berth.stop()).toBe(0)
  upstream?.close()
  await removeContainers('rows')
  await removeNetworks(...networks)
  execFileSync('ip', ['link', 'delete', 'rowsA'])
})

/** Addresses (or whatever records of the type are there) that berth gives `asker`; the rcode where there are none. */
async function ask(asker: string, network: string, name: string, type = 'A'): Promise<string[] | string> {
  const where = asker === 'host' ? 'host' : asker
  const reply = await digFrom(where, {
    server: asker === 'host' ? '127.0.0.1' : servers.get(network)!,
    name,
    type,
  })
  const data = reply.answers.filter((record) => record.type === type).map((record) => record.data)
  return data.length > 0 ? data.sort() : reply.rcode
}
const front = (name: string, type?: string) => ask('rows-asker', 'rows_front', name, type)
const addressOf = async (container: string, network: string) =>
  (await addressesOf(container))[network]?.v4 as string

describe('a container in another’s network namespace', () => {
  it('has that one’s addresses, and is the same asker', async () => {
    const app = await addressesOf('rows-app')
    expect(await front('rows-lodger')).toEqual([app.rows_front!.v4])
    expect(await front('rows-lodger', 'AAAA')).toEqual([app.rows_front!.v6])
    expect(await front('rows-lodger.rows_front.docker.internal')).toEqual([app.rows_front!.v4])
    expect(await ask('rows-lodger', 'rows_front', 'rows-asker')).toEqual([
      await addressOf('rows-asker', 'rows_front'),
    ])
    expect(await ask('rows-lodger', 'rows_front', 'rows-back')).toBe('NXDOMAIN')
  })

  it('loses them when the other stops, and has the new ones once it is started after that one', async () => {
    await runContainer('rows-other', '--network', 'rows_front')
    await runContainer('rows-lodger-2', '--network', 'container:rows-other')
    const is = (what: string, accept: (told: string | string[]) => boolean) =>
      until(() => front('rows-lodger-2'), { what, accept })
    const isGone = (told: string | string[]) => told === 'NXDOMAIN'
    const ownAddresses = async (name: string) => {
      const words = [
        '-t',
        String(await pidOf(name)),
        '--net',
        'ip',
        '-4',
        '-o',
        'address',
        'show',
        'scope',
        'global',
      ]
      return execFileSync('nsenter', words, { encoding: 'utf8' }).trim()
    }
    await is('the lodger', Array.isArray)
    await docker('stop', '--time', '0', 'rows-other')
    await is('gone', isGone)
    await docker('start', 'rows-other')
    await until(() => front('rows-other'), { what: 'the other is back', accept: Array.isArray })
    // Its namespace has no address any more, and the other has that of the same name again.
    expect(await ownAddresses('rows-lodger-2')).toBe('')
    expect(isGone(await front('rows-lodger-2'))).toBe(true)
    await docker('restart', '--time', '0', 'rows-lodger-2')
    await is('back', Array.isArray)
    expect(await front('rows-lodger-2')).toEqual(await front('rows-other'))
    await docker('restart', '--time', '0', 'rows-other')
    await until(() => front('rows-other'), { what: 'the other is back', accept: Array.isArray })
    await is('gone again', isGone)
    expect(await ask('host', '', 'rows-lodger-2.docker.internal')).toBe('NXDOMAIN')
    await docker('pause', 'rows-app')
    expect(await front('rows-lodger')).toEqual([await addressOf('rows-app', 'rows_front')])
    await docker('unpause', 'rows-app')
    expect(await front('rows-lodger')).toEqual([await addressOf('rows-app', 'rows_front')])
  })
})

describe('a container on the host’s network', () => {
  it('has no address of its own, and asks as the host', async () => {
    expect(await front('rows-hosted')).toBe('NXDOMAIN')
    expect(await ask('host', '', 'rows-hosted')).toBe('NXDOMAIN')
    expect(upstream.saw('rows-hosted')).toBe(false)
    const reply = await digFrom(await pidOf('rows-hosted'), { server: '127.0.0.1', name: 'rows-back' })
    expect(reply.answers.map(({ data }) => data)).toEqual([await addressOf('rows-back', 'rows_back')])
  })
})

describe('the default bridge', () => {
  it('has names, where Docker has no DNS; legacy links too', async () => {
    const address = await addressOf('rows-plain-1', 'bridge')
    expect(await ask('rows-plain-2', 'bridge', 'rows-plain-1')).toEqual([address])
    expect(await ask('rows-plain-2', 'bridge', 'legacy')).toEqual([address])
    expect(await ask('rows-plain-1', 'bridge', 'legacy')).toBe('NXDOMAIN')
    expect(await ask('rows-plain-2', 'bridge', 'rows-asker')).toBe('NXDOMAIN')
  })
})

describe('macvlan', () => {
  it('is a network like any other for who can reach us', async () => {
    expect(await ask('rows-pipe-1', 'rows_pipe', 'rows-pipe-2')).toEqual([
      await addressOf('rows-pipe-2', 'rows_pipe'),
    ])
    expect(await ask('rows-pipe-1', 'rows_pipe', 'rows-asker')).toBe('NXDOMAIN')
    expect(await ask('rows-pipe-1', 'rows_pipe', 'www.example.org')).toEqual(['192.0.2.53'])
  })
})

describe('dots, underscores and capitals', () => {
  it.each(['rows.Dotted_Name', 'mixed', 'MIXED.ROWS.DOTTED_NET', 'rows.dotted_name.rows.dotted_net'])(
    '%s is found in any case, plain and qualified',
    async (name) => {
      const address = await addressOf('rows.Dotted_Name', 'rows.dotted_Net')
      expect(await ask('rows-peer', 'rows.dotted_Net', name)).toEqual([address])
      expect(await ask('rows-peer', 'rows.dotted_Net', `${name}.docker.internal`)).toEqual([address])
    },
  )
  it('is told by PTR as Docker says it', async () => {
    const address = await addressOf('rows.Dotted_Name', 'rows.dotted_Net')
    const reverse = `${address.split('.').reverse().join('.')}.in-addr.arpa`
    expect(await ask('rows-peer', 'rows.dotted_Net', reverse, 'PTR')).toEqual([
      'rows.Dotted_Name.rows.dotted_Net.',
    ])
  })
})

describe('Compose’s names', () => {
  it('are SERVICE.PROJECT for all replicas and N.SERVICE.PROJECT for one', async () => {
    const [one, two] = [
      await addressOf('rows-api-1', 'rows_front'),
      await addressOf('rows-api-2', 'rows_front'),
    ]
    expect(await front('api.rowshop')).toEqual([one, two].sort())
    expect(await front('2.api.rowshop')).toEqual([two])
    expect(await front('1.API.rowshop.docker.internal')).toEqual([one])
    expect(await front('3.api.rowshop.docker.internal')).toBe('NXDOMAIN')
    expect(await ask('host', '', 'api.rowshop.docker.internal')).toEqual([one, two].sort())
    expect(await ask('rows-back', 'rows_back', 'api.rowshop.docker.internal')).toBe('NXDOMAIN')
  })
})

describe('aliases', () => {
  it('are wildcards, in other letters, and apart where Docker keeps them apart', async () => {
    const aliases = ['*.foo.lan', 'bücher.lan', 'rows-web.', 'rows\\-odd', 'rows\\.dot']
    await runContainer(
      'rows-alias',
      '--network',
      'rows_front',
      ...aliases.flatMap((each) => ['--network-alias', each]),
    )
    const address = [await addressOf('rows-alias', 'rows_front')]
    await until(() => front('rows-alias'), { what: 'the container', accept: Array.isArray })
    for (const name of ['a.foo.lan', 'b.a.FOO.lan', 'xn--bcher-kva.lan', 'rows\\.dot']) {
      expect(await front(name), name).toEqual(address)
    }
    for (const name of ['rows-web', 'rows-odd']) expect(await front(name), name).toBe('NXDOMAIN')
    expect(await ask('rows-back', 'rows_back', 'a.foo.lan')).toBe('NXDOMAIN')
    const said = () => berths[0]!.lines.filter(({ container }) => container === 'rows-alias')
    await docker('restart', '--time', '0', 'rows-alias')
    await until(() => front('rows-alias'), { what: 'the container is back', accept: Array.isArray })
    expect(said().map(({ names }) => names)).toEqual([
      ['"rows-web.": it has a dot too many', '"rows\\-odd": it has a backslash'],
    ])
  })
})

describe('a container without IPv6, by a sysctl', () => {
  it('has no AAAA and no PTR of what its engine gave it', async () => {
    const off = (name: string) => ['--sysctl', `net.ipv6.conf.${name}.disable_ipv6=1`]
    await runContainer('rows-four', '--network', 'rows_front', '--ip6', 'fd00:77::44', ...off('all'))
    await runContainer('rows-six', '--network', 'rows_front', ...off('default'))
    await until(() => front('rows-six'), { what: 'both', accept: Array.isArray })
    expect(await front('rows-four')).toEqual([await addressOf('rows-four', 'rows_front')])
    expect(await front('rows-four', 'AAAA')).toBe('NOERROR')
    expect(await front(reverseName('fd00:77::44'), 'PTR')).toBe('NXDOMAIN')
    const { v6 } = (await addressesOf('rows-six')).rows_front!
    expect(await front('rows-six', 'AAAA')).toEqual([v6])
    // Docker's own resolver tells both; an interface has the one.
    const has = async (name: string) =>
      readFileSync(`/proc/${await pidOf(name)}/net/if_inet6`, 'latin1').includes('fd000077')
    expect([await has('rows-six'), await has('rows-four')]).toEqual([true, false])
  })
})

describe('labels', () => {
  it('give names and wildcards with a TTL, on the container’s networks alone', async () => {
    const address = await addressOf('rows-app', 'rows_front')
    expect(await front('rows.test')).toEqual([address])
    expect(await front('deep.below.rows.test')).toEqual([address])
    expect(await ask('rows-back', 'rows_back', 'rows.test')).toBe('NXDOMAIN')
    const reply = await digFrom('rows-asker', { server: servers.get('rows_front')!, name: 'rows-app' })
    expect(reply.answers[0]!.ttl).toBe(7)
  })
  it('name ports, which SRV answers as it does exposed ones', async () => {
    const server = servers.get('rows_front')!
    const named = await digFrom('rows-asker', { server, name: '_web._tcp.rows-app', type: 'SRV' })
    expect(named.answers.map(({ data }) => data)).toEqual(['0 1 8080 rows-app.rows_front.'])
    expect(named.additional.map(({ data }) => data)).toContain(await addressOf('rows-app', 'rows_front'))
    expect(await front('_53._udp.rows-app', 'SRV')).toEqual(['0 1 53 rows-app.rows_front.'])
    expect(await front('_54._udp.rows-app', 'SRV')).toBe('NXDOMAIN')
    expect(await ask('rows-back', 'rows_back', '_web._tcp.rows-app', 'SRV')).toBe('NXDOMAIN')
    expect(upstream.saw('_tcp.rows-app')).toBe(false)
  })
  it('keep a container out', async () => {
    expect(await front('rows-shy')).toBe('NXDOMAIN')
    expect(await ask('host', '', 'rows-shy.rows_front.docker.internal')).toBe('NXDOMAIN')
  })
})

describe('hosts:', () => {
  it('are for everybody, or for the networks they name', async () => {
    expect(await ask('rows-back', 'rows_back', 'static.rows')).toEqual(['192.0.2.7'])
    expect(await front('static.rows')).not.toEqual(['192.0.2.7'])
    expect(await front('any.static.rows')).toEqual(['192.0.2.8'])
    expect(await ask('host', '', 'static.rows')).toEqual(['192.0.2.7'])
  })
})

describe('host.docker.internal', () => {
  it('is the asker’s gateway, where this machine answers; for the host itself loopback', async () => {
    for (const name of ['host.docker.internal', 'gateway.docker.internal']) {
      expect(await front(name)).toEqual([servers.get('rows_front')])
      expect(await front(name, 'AAAA')).toEqual(['fd00:77::1'])
      expect(await ask('rows-back', 'rows_back', name)).toEqual([servers.get('rows_back')])
      expect(await ask('host', '', name)).toEqual(['127.0.0.1'])
    }
    // berth itself is on this machine: whoever asks it at that name reaches it.
    const [address] = (await front('host.docker.internal')) as string[]
    expect((await digFrom('rows-asker', { server: address!, name: 'rows-app' })).rcode).toBe('NOERROR')
  })
})

describe('health', () => {
  it('is ignored, preferred or required', async () => {
    const health = (name: string, command: string) =>
      runContainer(
        name,
        ...['--network', 'rows_back', '--network-alias', 'rows-shared'],
        ...['--health-cmd', command, '--health-interval', '1s', '--health-retries', '1'],
      )
    await Promise.all([health('rows-well', 'true'), health('rows-ill', 'false')])
    const [well, ill] = [await addressOf('rows-well', 'rows_back'), await addressOf('rows-ill', 'rows_back')]
    const server = servers.get('rows_back')!
    const at = async (port: number, name: string) =>
      (await digFrom('rows-back', { server, port, name })).answers.map(({ data }) => data).sort()
    for (const [health, port] of [
      ['ignore', 5301],
      ['require', 5302],
    ] as const) {
      berths.push(await startBerth({ listen: [`*:${port}`], http: false, health }))
    }
    const is = (wanted: string[]) => ({
      what: `answers are ${wanted}`,
      deadlineMs: 60_000,
      accept: (told: string[]) => told.join() === wanted.sort().join(),
    })
    await until(() => at(53, 'rows-shared'), is([well]))
    await until(() => at(5302, 'rows-shared'), is([well]))
    await until(() => at(5302, 'rows-ill'), is([]))
    expect(await at(53, 'rows-ill')).toEqual([ill])
    expect(await at(5301, 'rows-shared')).toEqual([well, ill].sort())
  })
})

it('sends no name of ours upstream', () => {
  for (const name of ['rows-app', 'rows-shy', 'rows-lodger', 'api.rowshop', 'rows.test', 'legacy']) {
    expect(upstream.saw(name), name).toBe(false)
  }
})
