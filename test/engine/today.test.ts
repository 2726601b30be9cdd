// Networks that only today's engines (28 and later) make: who asks from there, at which of the machine's addresses, what the
// machine is called, and which network answers where one goes first. On older engines there is none of this to try.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reverseName } from '../../src/dns/reverse.ts'
import { type Berth, startBerth } from './berth.ts'
import { isOfToday } from './compare/today.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'

const mode = (family: 4 | 6, value: string) => [
  '--opt',
  `com.docker.network.bridge.gateway_mode_ipv${family}=${value}`,
]
const networks: Readonly<Record<string, readonly string[]>> = {
  today_hub: [],
  today_six: ['--ipv4=false', '--ipv6'],
  today_routed: ['--ipv6', ...mode(4, 'routed'), ...mode(6, 'routed')],
  today_open: ['--ipv6', ...mode(4, 'nat-unprotected'), ...mode(6, 'nat-unprotected')],
  today_alone: ['--ipv6', '--internal', ...mode(4, 'isolated'), ...mode(6, 'isolated')],
  today_half: ['--ipv6', '--internal', ...mode(4, 'isolated')],
  today_bare: ['--opt', 'com.docker.network.bridge.inhibit_ipv4=true'],
}
const run = (name: string, ...networks: string[]) =>
  runContainer(name, ...networks.flatMap((network) => ['--network', network]))

async function answersTo(container: string, server: string, name: string, type = 'A'): Promise<string[]> {
  const { answers } = await digFrom(container, { server, name, type })
  return answers.map(({ data }) => data)
}

async function thereAre(container: string, server: string, name: string, type = 'A'): Promise<string[]> {
  return until(() => answersTo(container, server, name, type), {
    what: `${name} ${type} from ${container}`,
    accept: (list) => list.length > 0,
  })
}

/** Berth's own word for who asks from there. */
async function ruleOf(address: string): Promise<string> {
  const url = `http://127.0.0.1:9153/api/query?name=x&type=A&as=${encodeURIComponent(address)}`
  return ((await (await fetch(url)).json()) as { rule: string }).rule
}

function tryAll() {
  let berth: Berth

  beforeAll(async () => {
    for (const [name, options] of Object.entries(networks))
      await docker('network', 'create', ...options, name)
    berth = await startBerth({ listen: ['*:53'], docker: { resync: '24h' }, forward: { upstreams: [] } })
  })

  afterAll(async () => {
    expect(berth?.foundLate()).toEqual([])
    expect(await berth?.stop()).toBe(0)
    await removeContainers('today-')
    await removeNetworks(...Object.keys(networks))
  })

  it('a network of IPv6 alone has AAAA and PTR, no A, and is asked at its gateway', async () => {
    await run('today-six-1', 'today_six')
    await run('today-six-2', 'today_six')
    const server = (await gatewayOf('today_six')).v6!
    const { v4, v6 } = (await addressesOf('today-six-2')).today_six!
    expect(v4).toBeUndefined()
    expect(await thereAre('today-six-1', server, 'today-six-2', 'AAAA')).toEqual([v6])
    expect(await digFrom('today-six-1', { server, name: 'today-six-2' })).toMatchObject({
      ...{ rcode: 'NOERROR', answers: [] },
    })
    expect(await answersTo('today-six-1', server, reverseName(v6!), 'PTR')).toEqual([
      'today-six-2.today_six.',
    ])
    expect(await answersTo('today-six-1', server, 'host.docker.internal', 'AAAA')).toEqual([server])
    expect(await answersTo('today-six-1', server, 'host.docker.internal')).toEqual([])
    expect(await ruleOf(v6!)).toMatch(/^a container/)
  })

  it.each(['today_routed', 'today_open'])('on %s an asker is itself, by both families', async (network) => {
    const name = network.replace('_', '-')
    await run(name, network, 'today_hub')
    const { v4, v6 } = await gatewayOf(network)
    for (const server of [v4, v6!]) {
      expect(await thereAre(name, server, name)).toEqual([(await addressesOf(name))[network]!.v4])
      expect(await answersTo(name, server, 'host.docker.internal')).toEqual([v4])
    }
  })

  describe('without an address of the machine', () => {
    it('the first container has the subnet’s first address, and is a container', async () => {
      await run('today-alone-1', 'today_alone', 'today_hub')
      await run('today-alone-2', 'today_alone')
      const { v4, v6 } = (await addressesOf('today-alone-1')).today_alone!
      const hub = (await gatewayOf('today_hub')).v4
      expect([v4, v6].map((address) => address?.replace(/^.*?(\.|::)1$/, 'first'))).toEqual([
        'first',
        'first',
      ])
      const other = (await addressesOf('today-alone-2')).today_alone!
      expect(await thereAre('today-alone-1', hub, 'today-alone-2')).toEqual([other.v4])
      expect(await thereAre('today-alone-1', hub, 'today-alone-2', 'AAAA')).toEqual([other.v6])
      for (const address of [v4!, v6!]) expect(await ruleOf(address)).toMatch(/^a container/)
    })

    it('in one family, it is asked in the other', async () => {
      await run('today-half', 'today_half')
      const { v4, v6 } = (await addressesOf('today-half')).today_half!
      const server = (await gatewayOf('today_half')).v6!
      expect(await thereAre('today-half', server, 'today-half')).toEqual([v4])
      expect(await thereAre('today-half', server, 'today-half', 'AAAA')).toEqual([v6])
      expect(await answersTo('today-half', server, 'host.docker.internal')).toEqual([])
      expect(await answersTo('today-half', server, 'host.docker.internal', 'AAAA')).toEqual([server])
    })

    it('which Docker gave it, the machine is on the next network', async () => {
      await run('today-bare', 'today_bare', 'today_hub')
      const hub = (await gatewayOf('today_hub')).v4
      await thereAre('today-bare', hub, 'today-bare')
      expect(await answersTo('today-bare', hub, 'host.docker.internal')).toEqual([hub])
    })
  })

  it('the network of the highest priority answers, given at the start or when it is connected', async () => {
    await run('today-each', 'today_hub', 'today_open', 'today_six')
    const own = await addressesOf('today-each')
    const hub = (await gatewayOf('today_hub')).v4
    // Docker's order without any: who has gateways in both families goes first.
    await run('today-plain', 'today_hub', 'today_open')
    expect(await thereAre('today-plain', hub, 'today-each')).toEqual([own.today_open!.v4])
    await run('today-given', 'name=today_hub,gw-priority=1', 'today_open')
    expect(await thereAre('today-given', hub, 'today-each')).toEqual([own.today_hub!.v4])
    // The hub has none of this family; Docker says so, berth has the next network's.
    expect(await answersTo('today-given', hub, 'today-each', 'AAAA')).toEqual([own.today_open!.v6])
    await docker('network', 'connect', '--gw-priority', '9', 'today_six', 'today-given')
    await until(() => answersTo('today-given', hub, 'today-each', 'AAAA'), {
      what: 'the connected network answers',
      accept: (list) => list[0] === own.today_six!.v6,
    })
    expect(await answersTo('today-given', '127.0.0.11', 'today-each', 'AAAA')).toEqual([own.today_six!.v6])
    expect(await answersTo('today-given', hub, 'today-each')).toEqual([own.today_hub!.v4])
  })
}

if (await isOfToday()) describe('networks of today', tryAll)
else {
  it('are not made by this engine', async () => {
    await expect(docker('network', 'create', ...networks.today_six!, 'today_six')).rejects.toThrow()
  })
}
