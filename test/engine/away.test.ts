// States in which the table is not the whole truth: before the first sync, and with the engine out of reach.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reverseName } from '../../src/dns/reverse.ts'
import { startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, pidOf, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { bringUp, gatewayOf, takeDown } from './project.ts'
import { createProxy } from './proxy.ts'
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

  it('out of reach for 5 s: an asker is told of its address’s network alone, and the others it was on are not denied', async () => {
    for (const name of ['shop-web-1', 'shop-web-2']) await docker('start', name)
    const berth = await startBerth({ listen: ['*:53'], http: false, forward: { upstreams: [] } })
    const server = (await gatewayOf('shop_front')).v4
    const ask = async (name: string) => (await digFrom('shop-web-1', { server, name })).rcode
    expect([await ask('shop-web-2.shop_front'), await ask('db')]).toEqual(['NOERROR', 'NOERROR'])
    expect([await ask('lonely'), await ask('nobody')]).toEqual(['NXDOMAIN', 'NXDOMAIN'])
    const db = (await addressesOf('shop-db-1')).shop_back!.v4!
    const pointer = reverseName(db)

    // Without its engine nobody tells a container's process any more, so it is remembered.
    const pid = await pidOf('shop-web-1')
    const askFrom = (name: string, type = 'A') => digFrom(pid, { server, name, type })
    await engine.kill()
    const seen = new Set<string>()
    await until(
      async () => {
        const { rcode } = await askFrom('db')
        seen.add(rcode)
        return rcode === 'SERVFAIL'
      },
      { what: 'the scope is narrow', deadlineMs: 60_000 },
    )
    seen.delete('NOERROR')
    expect([...seen]).toEqual(['SERVFAIL'])
    for (const [name, type] of [
      ['db', 'AAAA'],
      ['postgres.shop_back', 'A'],
      ['db.docker.internal', 'A'],
      [pointer, 'PTR'],
    ] as const) {
      const reply = await askFrom(name, type)
      expect(reply, `${name} ${type}`).toMatchObject({
        rcode: 'SERVFAIL',
        ede: [14],
        answers: [],
        authority: [],
      })
    }
    expect((await askFrom('shop-web-2.shop_front')).rcode).toBe('NOERROR')
    for (const name of ['lonely', 'lonely.docker.internal', 'nobody', 'shop-lonely-1.shop_alone']) {
      expect((await askFrom(name)).rcode, name).toBe('NXDOMAIN')
    }

    await engine.start()
    for (const name of ['shop-db-1', 'shop-web-1', 'shop-web-2']) await docker('start', name)
    await until(async () => (await ask('db')) === 'NOERROR', {
      what: 'the scope is whole again',
      deadlineMs: 60_000,
    })
    expect(await berth.stop()).toBe(0)
  })

  it('a socket proxy that was gone, its containers unharmed: names are back with it, and were denied at no time', async () => {
    const proxy = await createProxy(process.env.DOCKER_HOST!.replace(/^unix:\/\//, ''))
    const berth = await startBerth({
      ...{ listen: ['*:53'], http: false, forward: { upstreams: [] } },
      docker: { engines: [{ name: 'proxied', url: `unix://${proxy.path}` }] },
    })
    const server = (await gatewayOf('shop_front')).v4
    const seen = new Set<string>()
    const ask = async () => {
      const { rcode } = await digFrom('shop-web-1', { server, name: 'db' })
      seen.add(rcode)
      return rcode
    }
    expect(await ask()).toBe('NOERROR')
    proxy.setMode('drop')
    await until(async () => (await ask()) === 'SERVFAIL', { what: 'it is not ready', deadlineMs: 20_000 })
    proxy.setMode('pass')
    await until(async () => (await ask()) === 'NOERROR', { what: 'it is back', deadlineMs: 20_000 })
    expect([...seen].sort()).toEqual(['NOERROR', 'SERVFAIL'])
    expect(await berth.stop()).toBe(0)
    proxy.close()
  })
})
