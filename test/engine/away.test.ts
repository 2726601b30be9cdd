// States in which the table is not the whole truth: before the first sync, and with the engine out of reach.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBerth } from './berth.ts'
import { digFrom, docker, pidOf, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { bringUp, gatewayOf, takeDown } from './project.ts'
import { startUpstream } from './upstream.ts'

describe.runIf(privateEngine())('without the engine', () => {
  const engine = privateEngine()!
  beforeAll(bringUp)
  afterAll(takeDown)

  it('before the first sync: hosts: and foreign names, SERVFAIL for ours; the engine is picked up when it appears', async () => {
    await engine.kill()
    const upstream = await startUpstream()
    const berth = await startBerth({
      listen: ['127.0.0.1:1053'],
      hosts: { 'static.example.net': '192.0.2.7' },
      forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
    })
    const ask = (name: string, type = 'A') => digFrom('host', { server: '127.0.0.1', port: 1053, name, type })
    expect(berth.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
    expect((await ask('static.example.net')).answers).toMatchObject([{ data: '192.0.2.7' }])
    expect((await ask('any.example.org')).answers).toMatchObject([{ data: '192.0.2.53' }])
    for (const [name, type] of [
      ['db', 'A'],
      ['db.docker.internal', 'A'],
      ['2.2.18.198.in-addr.arpa', 'PTR'],
    ] as const) {
      expect(await ask(name, type)).toMatchObject({ rcode: 'SERVFAIL', ede: [14] })
    }
    expect((await fetch('http://127.0.0.1:9153/ready')).status).toBe(503)
    expect(upstream.packets).toHaveLength(1)

    await engine.start()
    await docker('start', 'shop-db-1')
    await until(async () => (await ask('db')).rcode === 'NOERROR', {
      what: 'db is known',
      deadlineMs: 60_000,
    })
    expect((await fetch('http://127.0.0.1:9153/ready')).status).toBe(200)
    expect(await berth.stop()).toBe(0)
    upstream.close()
  })

  it('out of reach for 5 s: an asker sees only the network its address is on, until the next sync', async () => {
    for (const name of ['shop-web-1', 'shop-web-2']) await docker('start', name)
    const berth = await startBerth({ listen: ['*:53'], http: false, forward: { upstreams: [] } })
    const server = (await gatewayOf('shop_front')).v4
    const ask = async (name: string) => (await digFrom('shop-web-1', { server, name })).rcode
    expect([await ask('shop-web-2.shop_front'), await ask('db')]).toEqual(['NOERROR', 'NOERROR'])

    // Without its engine nobody tells a container's process any more, so it is remembered.
    const pid = await pidOf('shop-web-1')
    const askFrom = async (name: string) => (await digFrom(pid, { server, name })).rcode
    await engine.kill()
    await until(async () => (await askFrom('db')) === 'NXDOMAIN', {
      what: 'the scope is narrow',
      deadlineMs: 60_000,
    })
    expect(await askFrom('shop-web-2.shop_front')).toBe('NOERROR')

    await engine.start()
    for (const name of ['shop-db-1', 'shop-web-1', 'shop-web-2']) await docker('start', name)
    await until(async () => (await ask('db')) === 'NOERROR', {
      what: 'the scope is whole again',
      deadlineMs: 60_000,
    })
    expect(await berth.stop()).toBe(0)
  })
})
