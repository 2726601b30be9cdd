// Interfaces that are ports of a bridge, as each container's veth is, and those with names that Node takes for none: where
// `listen: ["*:53"]` listens, as they come, change and go.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../engine/docker.ts'
import {
  checked,
  createNamespace,
  isRoot,
  listeningOn,
  type Namespace,
  plug,
} from '../tools/net/namespace.ts'
import { type Serving, serve } from './serve.ts'

/** Containers. */
const count = 12
/** No letters alone: an underscore, a number, 15 characters, other scripts, what `ip` writes behind names. */
const oddNames = ['up_link', '77', 'a.b-c_d@e.f-g_h', 'brücke', 'veth0@if5', 'été_日本']
const bridge = 'docker_gwbridge'

/** As many links as containers have, each the bridge's port here and eth0 of a namespace. */
describe.runIf(isRoot)('on a machine with containers', () => {
  let server: Namespace
  let clients: Namespace
  let serving: Serving | undefined

  beforeAll(async () => {
    server = await createNamespace()
    clients = await createNamespace()
    server.ip(`link add ${bridge} type bridge`, `addr add 10.9.0.1/16 dev ${bridge}`, `link set ${bridge} up`)
    for (let i = 0; i < count; i++) container(i)
    for (const [i, name] of oddNames.entries()) plug(server, name, clients, `odd${i}`)
    await checked(server)
    await checked(clients)
  })

  afterEach(async () => {
    if (serving === undefined) return
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
    expect(serving.errors()).toBe('')
    serving = undefined
  })

  afterAll(() => {
    for (const namespace of [server, clients]) namespace?.close()
  })

  /** As Docker makes it: the bridge's before it is up. */
  function container(i: number): void {
    server.ip(
      `link add veth${i} type veth peer name c${i} netns ${clients.pid}`,
      `link set veth${i} master ${bridge}`,
      `link set veth${i} up`,
    )
    clients.ip(`link set c${i} up`)
  }

  const config = {
    ...{ listen: ['*:53'], http: false, docker: { engines: [] } },
    ...{ forward: { upstreams: [] }, scope: { allow: ['fe80::/10'] } },
  }

  async function start(more: object, within: readonly string[] = server.entry): Promise<Serving> {
    serving = serve({ ...config, ...more }, { within })
    await serving.logged('ready')
    return serving
  }

  /** Interfaces on whose link-local address it listens, over both. */
  function zones(): string[] {
    const of = (kind: 'udp' | 'tcp') =>
      listeningOn(server, 53, kind).flatMap((address) => (/^fe80.*%(.*)$/.exec(address)?.[1] ?? []) as string)
    // Each of several processes has its own.
    const all = [...new Set(of('udp'))].sort()
    expect([...new Set(of('tcp'))].sort()).toEqual(all)
    return all
  }

  const expected = (...more: string[]) => [bridge, ...oddNames, ...more].sort()
  const listens = (...more: string[]) =>
    until(zones, {
      what: `it listens on ${JSON.stringify(expected(...more))}`,
      accept: (seen) => JSON.stringify(seen) === JSON.stringify(expected(...more)),
      deadlineMs: 60_000,
    })

  /** From the other end of a link. */
  function ask(near: string, far: string): string[] {
    const address = /inet6 (fe80[^/]*)/.exec(server.run('ip', '-6', 'addr', 'show', 'dev', near))![1]
    const words = ['dig', '-r', '+short', '+tries=3', '+time=5', `@${address}%${far}`, 'localhost']
    return ['+notcp', '+tcp'].map((kind) => clients.run(...words, kind).trim())
  }

  it.each([
    ['the kernel tells', {}],
    ['several processes answer', { workers: 2 }],
  ])(
    'listens on the bridge and on links of their own, not on its ports, and all answer: %s',
    async (_how, more) => {
      const { lines } = await start(more)
      await listens()
      expect(lines.filter(({ msg }) => msg === 'cannot listen, will retry')).toEqual([])
      expect(ask(bridge, 'c0')).toEqual(['127.0.0.1', '127.0.0.1'])
      for (const [i, name] of oddNames.entries())
        expect(ask(name, `odd${i}`)).toEqual(['127.0.0.1', '127.0.0.1'])
    },
  )

  it('follows what becomes a port and what is one no longer', async () => {
    const { lines } = await start({})
    await listens()
    container(count)
    server.ip('link set veth0 nomaster')
    await listens('veth0')
    expect(ask('veth0', 'c0')).toEqual(['127.0.0.1', '127.0.0.1'])
    server.ip(
      `link set veth0 master ${bridge}`,
      'link set up_link master docker_gwbridge',
      'link set veth1 nomaster',
    )
    await until(
      () => !zones().includes('up_link') && !zones().includes('veth0') && zones().includes('veth1'),
      {
        what: 'up_link is a port like any other',
        deadlineMs: 60_000,
      },
    )
    server.ip('link set up_link nomaster', `link set veth1 master ${bridge}`)
    await listens()
    expect(zones()).not.toContain(`veth${count}`)
    expect(lines.filter(({ msg }) => msg === 'cannot listen, will retry')).toEqual([])
    server.ip(`link del veth${count}`)
  })

  it('is silent about ports that go all together', async () => {
    const { lines } = await start({})
    await listens()
    const many = Array.from({ length: 100 }, (_, i) => 100 + i)
    for (const i of many) container(i)
    await checked(server)
    server.ip(...many.map((i) => `link del veth${i}`), 'link set veth0 nomaster')
    await listens('veth0')
    server.ip(`link set veth0 master ${bridge}`)
    await listens()
    expect(lines.filter(({ msg }) => msg === 'cannot listen, will retry')).toEqual([])
  })

  it('a port that is named is listened on', async () => {
    const text = /inet6 (fe80[^/]*)/.exec(server.run('ip', '-6', 'addr', 'show', 'dev', 'veth2'))![1]
    await start({ listen: ['*:53', `[${text}%veth2]:53`] })
    await listens('veth2')
  })

  it('with udp: plain, /sys tells', async () => {
    const mounted = ['unshare', '-m', 'sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'sh']
    await start({ udp: 'plain' }, [...server.entry, ...mounted])
    await listens()
    expect(ask('up_link', 'odd0')).toEqual(['127.0.0.1', '127.0.0.1'])
    server.ip('link set veth0 nomaster')
    await listens('veth0')
    server.ip(`link set veth0 master ${bridge}`)
    await listens()
  })

  it('where nothing tells, it listens everywhere', async () => {
    await start({ udp: 'plain' }, [...server.entry])
    await listens(...Array.from({ length: count }, (_, i) => `veth${i}`))
  })
})
