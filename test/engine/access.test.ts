// How little berth needs: nobody's rights, and of Docker's API the calls that the socket proxy in config/ lets through.
import { chmodSync, chownSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NamesReply } from '../../src/http/api-types.ts'
import { withRights } from '../tools/net/rights.ts'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, dnsPort, docker, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { type Filter, startFilter } from './filter.ts'
import { bringUp, gatewayOf, members, removeContainers, removeNetworks, takeDown } from './project.ts'
import { passed, refused } from './proxy-urls.ts'

const group = 54321
const rights = withRights({ user: 65534, groups: [group], capabilities: ['net_bind_service'] })

describe.runIf(privateEngine())('as nobody', () => {
  const engine = privateEngine()!
  let filter: Filter
  let filtered: Berth
  let direct: Berth
  let quiet: number

  beforeAll(async () => {
    for (const folder of [engine.state, tmpdir()]) chmodSync(folder, 0o711)
    await bringUp()
    await docker('network', 'create', 'access_more')
    filter = await startFilter(engine, group)
    quiet = filter.connections()
    const rest = { forward: { upstreams: [] } }
    const engines = [{ name: 'local', url: `unix://${filter.socket}` }]
    // What answers has been told by an event, not found by a list.
    filtered = await startBerth({ listen: ['*:53'], docker: { engines, resync: '24h' }, ...rest }, 'host', {
      within: rights,
    })
    chownSync(engine.socket, 0, group)
    // Podman's own is root's alone.
    chmodSync(engine.socket, 0o660)
    const own = [{ name: 'local', url: engine.host }]
    const elsewhere = { listen: ['*:5353'], http: '127.0.0.1:9154' }
    direct = await startBerth({ ...elsewhere, docker: { engines: own }, ...rest }, 'host', { within: rights })
  })

  afterAll(async () => {
    expect(await direct?.stop()).toBe(0)
    filter?.close()
    await removeContainers('access-')
    await removeNetworks('access_more')
    await takeDown()
  })

  /** Sorted, for engines list their networks in any order, and who shares a name is read in any order. */
  async function told(port: number, as: string): Promise<NamesReply> {
    const reply = await (await fetch(`http://127.0.0.1:${port}/api/names?as=${as}`)).json()
    const { networks, names, ...rest } = reply as NamesReply
    const sorted = names
      .map(({ containers, v4, v6, ...name }) => ({
        ...name,
        containers: [...containers].sort(),
        v4: [...v4].sort(),
        v6: [...v6].sort(),
      }))
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    return { ...rest, networks: [...networks].sort(), names: sorted }
  }
  const keyOf = ({ name, network }: Pick<NamesReply['names'][number], 'name' | 'network'>) =>
    `${name} ${network}`

  async function metric(name: string): Promise<number> {
    const text = await (await fetch('http://127.0.0.1:9153/metrics')).text()
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  }

  it('sees through the proxy what it sees at the engine itself, for whoever asks', async () => {
    const containers = [...new Set((await members()).map(({ container }) => container))]
    expect(containers).toHaveLength(5)
    for (const as of ['host', ...containers]) {
      const names = await told(9153, as)
      expect(names).toEqual(await told(9154, as))
      expect(names.names.length).toBeGreaterThan(0)
    }
    const server = (await gatewayOf('shop_back')).v4
    for (const port of [dnsPort, 5353]) {
      const ask = async (name: string) => (await digFrom('shop-db-1', { server, port, name })).rcode
      expect([await ask('web'), await ask('postgres.shop_back'), await ask('lonely')]).toEqual([
        'NOERROR',
        'NOERROR',
        'NXDOMAIN',
      ])
    }
  })

  /** What the host is told through the proxy comes to this. */
  async function expectSoon(name: string, address: string | undefined) {
    await until(
      async () => {
        const reply = await digFrom('host', { server: '127.0.0.1', name: `${name}.docker.internal` })
        return reply.answers[0]?.data === address && (address !== undefined || reply.rcode === 'NXDOMAIN')
      },
      { what: `${name} is ${address}` },
    )
  }

  const on = async (container: string, network: string) => (await addressesOf(container))[network]?.v4

  it('follows start, rename, connect, disconnect and stop through the proxy', async () => {
    await runContainer('access-a', '--network', 'shop_alone')
    await expectSoon('access-a', await on('access-a', 'shop_alone'))
    await docker('rename', 'access-a', 'access-b')
    await expectSoon('access-b', await on('access-b', 'shop_alone'))
    await expectSoon('access-a', undefined)
    await docker('network', 'connect', 'access_more', 'access-b')
    await expectSoon('access-b.access_more', await on('access-b', 'access_more'))
    await docker('network', 'disconnect', 'access_more', 'access-b')
    await expectSoon('access-b.access_more', undefined)
    await docker('stop', '--time', '0', 'access-b')
    await expectSoon('access-b', undefined)
    expect(filtered.foundLate()).toEqual([])
    expect(await told(9153, 'host')).toEqual(await told(9154, 'host'))
  })

  it('keeps an idle event stream for longer than any call may take', async () => {
    const before = await metric('berth_docker_events_total')
    // Not a wait for something to happen: that nothing does, for three times what ends a silent call.
    await sleep(3000)
    await docker('start', 'access-b')
    await expectSoon('access-b', await on('access-b', 'shop_alone'))
    expect(await metric('berth_docker_events_total')).toBeGreaterThan(before)
    expect(await metric('berth_docker_reconnects_total')).toBe(0)
    expect(await metric('berth_docker_errors_total')).toBe(0)
    // The tests' project is called shop, which is a top-level domain as well.
    const told = filtered.lines.filter(({ level }) => level === 'warn' || level === 'error')
    expect(told.map(({ msg }) => msg)).toEqual(['a name matches a public domain'])
  })

  it.each(passed)('the proxy lets GET %s through', async (url) => {
    expect(await statusOf('GET', url)).not.toBe(403)
  })

  it.each(refused)('the proxy refuses %s %s', async (method, path) => {
    expect(await statusOf(method, path)).toBe(403)
  })

  it('the proxy refuses bodies and upgrades, and lets a bare read through', async () => {
    expect(await statusOf('GET', '/_ping')).toBe(200)
    expect(await statusOf('GET', '/_ping', { upgrade: 'tcp', connection: 'upgrade' })).toBe(403)
    expect(await statusOf('GET', '/_ping', { 'content-length': '5' }, 'POST ')).toBe(403)
    expect(await statusOf('GET', '/_ping', { 'transfer-encoding': 'chunked' }, 'POST ')).toBe(403)
  })

  it('the proxy refuses HTTP/2, where a body has no header', async () => {
    const session = connect('http://localhost', { createConnection: () => createConnection(filter.socket) })
    const told = await new Promise((resolve) => {
      session.on('error', () => resolve('refused'))
      const asked = session.request({ ':method': 'GET', ':path': '/_ping', host: 'x' }, { endStream: false })
      asked.on('error', () => resolve('refused'))
      asked.on('response', (headers) => resolve(headers[':status']))
      asked.end('POST ')
    })
    session.destroy()
    expect(told).toBe('refused')
  })

  function statusOf(method: string, path: string, headers = {}, body = ''): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: filter.socket, method, path, headers, agent: false }, (reply) => {
        resolve(reply.statusCode!)
        reply.destroy()
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }

  it('leaves no connection in the proxy when it ends', async () => {
    expect(await filtered.stop()).toBe(0)
    await until(() => filter.connections() <= quiet, { what: `${quiet} sockets are open in haproxy` })
  })
})
