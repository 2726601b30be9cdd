// The scope table on a real engine, row by row: who asks from where, and what they may see.
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { digFrom, dnsPort, docker, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { onDocker } from './on-docker.ts'
import { bringUp, gatewayOf, removeContainers, takeDown } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

let upstream: RecordingUpstream
let berth: Berth

beforeAll(async () => {
  await bringUp()
  const back = await gatewayOf('shop_back')
  await runContainer('scope-dns', '--network', 'shop_back', '--dns', back.v4)
  await runContainer('scope-host', '--network', 'host')
  await runContainer('scope-none', '--network', 'none')
  await runContainer('scope-default')
  upstream = await startUpstream()
  berth = await startBerth({ listen: ['*:53'], forward: { upstreams: [`127.0.0.1:${upstream.port}`] } })
})

afterAll(async () => {
  await berth?.stop()
  upstream?.close()
  await removeContainers('scope-')
  await takeDown()
})

const rcodes = async (where: string, server: string, names: string[], port = dnsPort) =>
  Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await digFrom(where, { server, name, port })).rcode]),
    ),
  )

describe('an asker', () => {
  it('is known by its own address at its own and at another network’s gateway', async () => {
    for (const network of ['shop_alone', 'shop_front']) {
      const { v4 } = await gatewayOf(network)
      expect(await rcodes('shop-lonely-1', v4, ['lonely', 'web', 'db'])).toEqual({
        lonely: 'NOERROR',
        web: 'NXDOMAIN',
        db: 'NXDOMAIN',
      })
    }
  })

  it('is known over IPv6', async () => {
    const { v6 } = await gatewayOf('shop_back')
    // A new IPv6 address is usable once its duplicate check is over.
    await until(
      async () =>
        (await digFrom('shop-db-1', { server: v6!, name: 'db', args: ['+time=1'] })).rcode !== 'TIMEOUT',
      {
        what: 'berth listens at the IPv6 gateway',
        deadlineMs: 60_000,
      },
    )
    expect(await rcodes('shop-db-1', v6!, ['postgres', 'web', 'lonely'])).toEqual({
      postgres: 'NOERROR',
      web: 'NOERROR',
      lonely: 'NXDOMAIN',
    })
  })

  it('on an internal network sees its names, and has nothing forwarded', async () => {
    const { v4 } = await gatewayOf('shop_sealed')
    expect(await rcodes('shop-shut-1', v4, ['shut', 'db'])).toEqual({ shut: 'NOERROR', db: 'NXDOMAIN' })
    const reply = await digFrom('shop-shut-1', { server: v4, name: 'sealed.example.org' })
    expect(reply).toMatchObject({ rcode: 'NXDOMAIN', ede: [18], authority: [] })
    expect(upstream.saw('sealed.example.org')).toBe(false)
  })

  onDocker('aardvark-dns asks from the host, not in the asker’s name')(
    'behind 127.0.0.11 with --dns is itself',
    async () => {
      const names = ['db.shop_back.docker.internal', 'lonely.shop_alone.docker.internal', 'dns.example.org']
      expect(await rcodes('scope-dns', '127.0.0.11', names)).toEqual({
        'db.shop_back.docker.internal': 'NOERROR',
        'lonely.shop_alone.docker.internal': 'NXDOMAIN',
        'dns.example.org': 'NOERROR',
      })
    },
  )

  it('on the default bridge sees that network’s names, which Docker has no DNS for', async () => {
    const { v4 } = await gatewayOf('bridge')
    expect(await rcodes('scope-default', v4, ['scope-default', 'web'])).toEqual({
      'scope-default': 'NOERROR',
      web: 'NXDOMAIN',
    })
  })

  it('on the host sees every network by its zone names, and single labels that mean one thing', async () => {
    const names = [
      'web',
      'lonely.docker.internal',
      'db.shop_back.docker.internal',
      'web.shop_front',
      'host.example.org',
    ]
    expect(await rcodes('host', '127.0.0.1', names)).toEqual({
      web: 'NOERROR',
      'lonely.docker.internal': 'NOERROR',
      'db.shop_back.docker.internal': 'NOERROR',
      'web.shop_front': 'NXDOMAIN',
      'host.example.org': 'NOERROR',
    })
    expect((await digFrom('host', { server: '127.0.0.1', name: 'web' })).answers).toHaveLength(2)
    const { v4 } = await gatewayOf('shop_front')
    expect(await rcodes('host', v4, ['lonely'])).toEqual({ lonely: 'NOERROR' })
  })

  it('in the host’s network is the host, and has no name', async () => {
    expect(await rcodes('scope-host', '127.0.0.1', ['lonely', 'scope-host'])).toEqual({
      lonely: 'NOERROR',
      'scope-host': 'NXDOMAIN',
    })
  })

  it('without a network reaches nobody, and has no name', async () => {
    expect((await digFrom('scope-none', { server: '127.0.0.1', name: 'web' })).rcode).toBe('TIMEOUT')
    expect(await rcodes('host', '127.0.0.1', ['scope-none'])).toEqual({ 'scope-none': 'NXDOMAIN' })
  })

  it('on no network any more is nobody', async () => {
    const { v4 } = await gatewayOf('shop_front')
    await runContainer('scope-off', '--network', 'shop_front')
    await docker('network', 'disconnect', 'shop_front', 'scope-off')
    expect((await digFrom('scope-off', { server: v4, name: 'web' })).rcode).toBe('TIMEOUT')
  })
})

describe.runIf(privateEngine())('a published port', () => {
  let published: Berth
  beforeAll(async () => {
    await runContainer('scope-berth', '--network', 'shop_back', '--publish', `5454:${dnsPort}/udp`)
    published = await startBerth({ listen: ['*:53'], forward: { upstreams: [] } }, 'scope-berth')
  })
  afterAll(() => published?.stop())

  it('serves the network it is on at the container’s own address', async () => {
    const own = (
      await docker('inspect', '-f', '{{.NetworkSettings.Networks.shop_back.IPAddress}}', 'scope-berth')
    ).trim()
    expect(await rcodes('shop-db-1', own, ['postgres', 'lonely'])).toEqual({
      postgres: 'NOERROR',
      lonely: 'NXDOMAIN',
    })
  })

  onDocker('netavark lets no network reach a port published on another')(
    'refuses other networks, which come from behind a gateway',
    async () => {
      const { v4 } = await gatewayOf('shop_alone')
      expect(await rcodes('shop-lonely-1', v4, ['db', 'lonely', 'out.example.org'], 5454)).toEqual({
        db: 'REFUSED',
        lonely: 'REFUSED',
        'out.example.org': 'REFUSED',
      })
      expect((await digFrom('host', { server: '127.0.0.1', port: 5454, name: 'db' })).rcode).toBe('REFUSED')
    },
  )

  it('refuses strangers', async () => {
    const ip = (...args: string[]) => execFileSync('ip', args)
    ip('netns', 'add', 'stranger')
    try {
      ip('link', 'add', 'str0', 'type', 'veth', 'peer', 'name', 'str1', 'netns', 'stranger')
      ip('addr', 'add', '203.0.113.1/24', 'dev', 'str0')
      ip('link', 'set', 'str0', 'up')
      for (const args of [
        ['addr', 'add', '203.0.113.2/24', 'dev', 'str1'],
        ['link', 'set', 'str1', 'up'],
      ]) {
        ip('-n', 'stranger', ...args)
      }
      const dig = (server: string, ...args: string[]) =>
        execFileSync('ip', [
          'netns',
          'exec',
          'stranger',
          'dig',
          `@${server}`,
          '+time=3',
          '+tries=1',
          ...args,
          'db',
        ]).toString()
      expect(dig('203.0.113.1', '-p', '5454')).toContain('status: REFUSED')
      // The berth on the host takes the new address up, and serves nobody there.
      const refused = await until(() => dig('203.0.113.1', '-p', String(dnsPort), '+time=1'), {
        what: 'a reply at the new address',
        deadlineMs: 60_000,
      })
      expect(refused).toContain('status: REFUSED')
      expect(refused).toContain('EDE: 18')
    } finally {
      ip('netns', 'del', 'stranger')
    }
  })
})
