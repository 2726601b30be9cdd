// What moby's own integration tests assert of names, asked of berth and of Docker's resolver from the same container.
// docs/acceptance.md says which case is which.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { askBoth, dataOf } from './both.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { mountResolvConf, nameserver } from './nameserver.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const networks = ['acc1', 'acc2', 'br.acc', 'acc-shut']
let upstream: RecordingUpstream
let berth: Berth
let unmount: (() => void) | undefined

beforeAll(async () => {
  // Docker's resolver asks upstreams for what it does not have, and where nobody replies, 20.10 does not either. On
  // somebody's own engine that is as it is there.
  const isPrivate = privateEngine() !== undefined
  if (isPrivate) unmount = mountResolvConf()
  for (const network of networks) {
    await docker('network', 'create', ...(network === 'acc-shut' ? ['--internal'] : []), network)
  }
  const host = isPrivate ? nameserver : '127.0.0.1'
  upstream = await startUpstream({}, isPrivate ? 53 : 0, host)
  berth = await startBerth({ listen: ['*:53'], forward: { upstreams: [`${host}:${upstream.port}`] } })
})

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  upstream?.close()
  unmount?.()
  await removeContainers('acc-')
  await removeNetworks(...networks)
})

const v4 = async (container: string, network = 'acc1') => (await addressesOf(container))[network]!.v4!
const short = async (container: string) =>
  (await docker('inspect', '--format', '{{.Id}}', container)).slice(0, 12)

/** Both resolvers must say so: `addresses`, or none. Within the second in which events, and Docker, catch up. */
async function bothSay(asker: string, network: string, name: string, addresses: readonly string[]) {
  const server = (await gatewayOf(network)).v4
  await until(
    async () => {
      const [told] = await askBoth(asker, server, [{ name, type: 'A' }])
      // Docker asks upstreams for what is not there. No reply is no address.
      return { docker: dataOf(told!.docker, 'A') ?? [], berth: dataOf(told!.berth, 'A') }
    },
    {
      what: `${name} from ${asker}`,
      deadlineMs: 60_000,
      accept: (told) => String(told.docker) === String(addresses) && String(told.berth) === String(addresses),
    },
  )
}

describe('links on user-defined networks', () => {
  beforeAll(async () => {
    await runContainer('acc-first', '--network', 'acc1')
    await runContainer(
      'acc-second',
      '--network',
      'acc1',
      '--link',
      'acc-first:foo',
      '--link',
      'acc-third:bar',
    )
  })

  it('a link to a running container resolves by name and by alias', async () => {
    const there = [await v4('acc-first')]
    await bothSay('acc-second', 'acc1', 'acc-first', there)
    await bothSay('acc-second', 'acc1', 'foo', there)
  })

  it('a link to a missing container fails by both, and works by both as soon as that starts', async () => {
    for (const name of ['acc-third', 'bar']) await bothSay('acc-second', 'acc1', name, [])
    await runContainer('acc-third', '--network', 'acc1')
    const there = [await v4('acc-third')]
    for (const name of ['acc-third', 'bar']) await bothSay('acc-second', 'acc1', name, there)
  })

  it('name and link alias still resolve after the target restarts, and after the linking container does', async () => {
    for (const restarted of ['acc-first', 'acc-second']) {
      await docker('restart', '--time', '0', restarted)
      const there = [await v4('acc-first')]
      for (const name of ['acc-first', 'foo']) await bothSay('acc-second', 'acc1', name, there)
    }
  })

  it('a link alias of one network is gone when the target leaves that, the one of another works on', async () => {
    await docker('network', 'connect', 'acc2', 'acc-first')
    await docker('network', 'connect', '--link', 'acc-first:FirstInFoo2', 'acc2', 'acc-second')
    await bothSay('acc-second', 'acc1', 'foo', [await v4('acc-first')])
    await bothSay('acc-second', 'acc1', 'FirstInFoo2', [await v4('acc-first', 'acc2')])
    await docker('network', 'disconnect', 'acc1', 'acc-first')
    await bothSay('acc-second', 'acc1', 'foo', [])
    await bothSay('acc-second', 'acc1', 'FirstInFoo2', [await v4('acc-first', 'acc2')])
  })
})

describe('aliases', () => {
  beforeAll(async () => {
    const aliases = ['--network-alias', 'alias1', '--network-alias', 'alias2']
    await runContainer('acc-named', '--network', 'acc1', ...aliases, '--hostname', 'foobar')
    await runContainer('acc-asker', '--network', 'acc1')
    await docker('network', 'connect', 'acc2', 'acc-asker')
  })

  it('name, both aliases, short id and hostname resolve, from others and from itself, also after a restart', async () => {
    for (const round of ['first', 'restarted']) {
      if (round === 'restarted') await docker('restart', '--time', '0', 'acc-named')
      const there = [await v4('acc-named')]
      for (const name of ['acc-named', 'alias1', 'alias2', await short('acc-named'), 'foobar']) {
        // Docker 20.10 knows no hostnames; docs/compare.md counts that as better.
        if (name === 'foobar') {
          const reply = await digFrom('acc-asker', { server: (await gatewayOf('acc1')).v4, name })
          expect(dataOf(reply, 'A')).toEqual(there)
          continue
        }
        await bothSay('acc-asker', 'acc1', name, there)
        await bothSay('acc-named', 'acc1', name, there)
      }
    }
  })

  it('an alias of a network that is left fails, the other network’s alias and the short id work on', async () => {
    await docker('network', 'connect', '--alias', 'bar2', 'acc2', 'acc-named')
    const there = [await v4('acc-named', 'acc2')]
    await bothSay('acc-asker', 'acc1', 'bar2', there)
    await docker('network', 'disconnect', 'acc1', 'acc-named')
    await bothSay('acc-asker', 'acc1', 'alias1', [])
    for (const name of ['bar2', await short('acc-named')]) await bothSay('acc-asker', 'acc1', name, there)
  })

  it('an alias is of its network alone', async () => {
    await bothSay('acc-asker', 'acc1', 'bar2.acc1', [])
    await bothSay('acc-asker', 'acc1', 'bar2.acc2', [await v4('acc-named', 'acc2')])
  })

  it('a container that joins again with another alias has that one, and the old one no more', async () => {
    await docker('network', 'disconnect', 'acc2', 'acc-named')
    await docker('network', 'connect', '--alias', 'baz', 'acc2', 'acc-named')
    await bothSay('acc-asker', 'acc1', 'baz', [await v4('acc-named', 'acc2')])
    await bothSay('acc-asker', 'acc1', 'bar2', [])
  })

  it('a paused container keeps its names', async () => {
    await docker('pause', 'acc-named')
    await bothSay('acc-asker', 'acc1', 'baz', [await v4('acc-named', 'acc2')])
    await docker('unpause', 'acc-named')
  })
})

describe('names and networks with dots', () => {
  it('resolve plain and qualified, and not with a domain behind them', async () => {
    await runContainer('acc-c1.net1', '--network', 'br.acc')
    await runContainer('acc-c2.net1', '--network', 'br.acc')
    const there = [await v4('acc-c1.net1', 'br.acc')]
    await bothSay('acc-c2.net1', 'br.acc', 'acc-c1.net1', there)
    await bothSay('acc-c2.net1', 'br.acc', 'acc-c1.net1.br.acc', there)
    const name = 'acc-c1.net1.br.acc.google.com'
    const reply = await digFrom('acc-c2.net1', { server: (await gatewayOf('br.acc')).v4, name })
    expect(reply.answers).toEqual([])
  })
})

describe('an internal network', () => {
  it('leaves forwarding to the other network: gone when that is left, and back with it', async () => {
    await runContainer('acc-both', '--network', 'acc1')
    await docker('network', 'connect', 'acc-shut', 'acc-both')
    const ask = async (network: string, n: number) => {
      const name = `out${n}.example.org`
      const reply = await digFrom('acc-both', { server: (await gatewayOf(network)).v4, name })
      return { rcode: reply.rcode, answers: dataOf(reply, 'A'), left: upstream.saw(name) }
    }
    const out = { rcode: 'NOERROR', answers: ['192.0.2.53'], left: true }
    expect(await ask('acc1', 1)).toEqual(out)
    await docker('network', 'disconnect', 'acc1', 'acc-both')
    let n = 1
    await until(() => ask('acc-shut', ++n), { what: 'held back', accept: ({ left }) => !left })
    expect(await ask('acc-shut', ++n)).toEqual({ rcode: 'NXDOMAIN', answers: [], left: false })
    await docker('network', 'connect', 'acc1', 'acc-both')
    await until(() => ask('acc1', ++n), { what: 'out again', accept: ({ left }) => left })
    expect(await ask('acc1', ++n)).toEqual(out)
  })

  it('has its own names answered', async () => {
    await runContainer('acc-inside', '--network', 'acc-shut')
    await bothSay('acc-both', 'acc-shut', 'acc-inside', [await v4('acc-inside', 'acc-shut')])
  })
})
