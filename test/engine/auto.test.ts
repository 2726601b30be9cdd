// `upstreams: auto` in a container, on a real engine: the servers that Docker's resolver asks, or that resolver itself,
// which would answer for berth's own networks, whoever asked berth.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { reverseName } from '../../src/dns/reverse.ts'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { bringUp, gatewayOf, removeContainers, takeDown } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const alias = 'stand-in.example.net'

describe.runIf(privateEngine())('berth in a container on two networks', () => {
  let upstream: RecordingUpstream
  let gateway: string
  let own: string
  let lonely: string
  let berth: Berth | undefined
  const folder = mkdtempSync(join(tmpdir(), 'berth-auto-'))

  beforeAll(async () => {
    await bringUp()
    gateway = (await gatewayOf('shop_back')).v4
    upstream = await startUpstream({}, 53, gateway)
    await runContainer('auto-berth', '--network', 'shop_back', '--dns', gateway)
    await docker('network', 'connect', 'shop_alone', 'auto-berth')
    await runContainer('auto-alias', '--network', 'shop_alone', '--network-alias', alias)
    await runContainer('auto-mirror', '--network', 'shop_back', '--dns', '127.0.0.1')
    own = (await addressesOf('auto-berth')).shop_back!.v4!
    lonely = (await addressesOf('shop-lonely-1')).shop_alone!.v4!
  })

  afterEach(async () => {
    expect(await berth?.stop()).toBe(0)
    berth = undefined
  })

  afterAll(async () => {
    upstream?.close()
    await removeContainers('auto-')
    await takeDown()
    rmSync(folder, { recursive: true })
  })

  /** The container's own file, or what is made of its text. */
  async function start(container: string, change = (text: string) => text): Promise<unknown> {
    const path = (await docker('inspect', '-f', '{{.ResolvConfPath}}', container)).trim()
    const file = join(folder, `${container}.conf`)
    writeFileSync(file, change(readFileSync(path, 'utf8')))
    berth = await startBerth({ listen: ['*:53'] }, container, { resolvConf: file })
    return (await berth.logged('ready')).upstreams
  }

  const ask = async (name: string, type = 'A', args: string[] = []) =>
    (await digFrom('shop-db-1', { server: own, name, type, args })).rcode

  /** Names of the other network; Docker's resolver in berth's container knows them all. */
  const foreign = (): [name: string, type: string][] => [
    ['lonely', 'A'],
    ['shop-lonely-1.shop_alone', 'A'],
    [alias, 'A'],
    [alias, 'AAAA'],
    [alias, 'MX'],
    [reverseName(lonely), 'PTR'],
  ]

  it('asks the servers that Docker names, and not those of networks it is on', async () => {
    const told = await start('auto-berth')
    const names = readFileSync(join(folder, 'auto-berth.conf'), 'utf8').includes('ExtServers')
    expect(told).toEqual([names ? `${gateway}:53` : '127.0.0.11:53'])
    expect(await ask('www.example.org')).toBe('NOERROR')
    expect(upstream.saw('www.example.org')).toBe(true)
  })

  it('asks Docker’s own resolver as a last resort, and gives no answer from another network', async () => {
    const bare = (text: string) => text.replace(/^# ExtServers.*$/m, '# ExtServers: [host(127.0.0.53)]')
    expect(await start('auto-berth', bare)).toEqual(['127.0.0.11:53'])
    expect(await ask('last.example.org')).toBe('NOERROR')
    expect(upstream.saw('last.example.org')).toBe(true)
    for (const [name, type] of foreign()) {
      if (type === 'A' || type === 'PTR') {
        const docker = await digFrom('auto-berth', { server: '127.0.0.11', name, type })
        expect([name, docker.rcode]).toEqual([name, 'NOERROR'])
      }
      const before = upstream.packets.length
      expect([name, type, await ask(name, type)]).toEqual([name, type, 'NXDOMAIN'])
      expect(upstream.packets).toHaveLength(before)
    }
    expect(await ask('db')).toBe('NOERROR')
  })

  it('recognises that Docker’s resolver asks it back, and lives on', async () => {
    expect(await start('auto-mirror', () => 'nameserver 127.0.0.11\n')).toEqual(['127.0.0.11:53'])
    const isTold = () => berth!.lines.find(({ level, msg }) => level === 'error' && msg.startsWith('loop'))
    const line = await until(isTold, { what: 'the loop is told of', deadlineMs: 60_000 })
    expect(line).toMatchObject({ upstream: '127.0.0.11:53' })
    const mirror = (await addressesOf('auto-mirror')).shop_back!.v4!
    const reply = await digFrom('shop-db-1', { server: mirror, name: 'www.example.org' })
    expect(reply).toMatchObject({ rcode: 'SERVFAIL', ede: [22] })
    expect((await digFrom('shop-db-1', { server: mirror, name: 'db' })).rcode).toBe('NOERROR')
  })
})
