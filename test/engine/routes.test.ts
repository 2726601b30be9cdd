// Routes on a real engine: by name, and by the asker's network, an internal one included.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { digFrom } from './docker.ts'
import { bringUp, gatewayOf, takeDown } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

let standard: RecordingUpstream
let corp: RecordingUpstream
let inner: RecordingUpstream
let berth: Berth
let at: { sealed: string; back: string }

beforeAll(async () => {
  await bringUp()
  at = { sealed: (await gatewayOf('shop_sealed')).v4, back: (await gatewayOf('shop_back')).v4 }
  standard = await startUpstream()
  corp = await startUpstream()
  inner = await startUpstream({ 'vault.example.com': '192.0.2.99' })
  const to = ({ port }: RecordingUpstream) => [`127.0.0.1:${port}`]
  berth = await startBerth({
    listen: ['*:53'],
    forward: {
      upstreams: to(standard),
      zones: { 'corp.example.org': { upstreams: to(corp), policy: 'random' } },
      networks: { shop_sealed: to(inner) },
    },
  })
})

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  for (const upstream of [standard, corp, inner]) upstream?.close()
  await takeDown()
})

const askedBy = (name: string) =>
  [standard, corp, inner].map((upstream) => upstream.saw(name)) as [boolean, boolean, boolean]

it('are told in the ready line', async () => {
  expect((await berth.logged('ready')).routes).toEqual([
    `corp.example.org → 127.0.0.1:${corp.port}, random`,
    `network shop_sealed → 127.0.0.1:${inner.port}`,
  ])
})

it('lead askers with a way out by name, else by default', async () => {
  for (const where of ['shop-db-1', 'host'] as const) {
    const server = where === 'host' ? '127.0.0.1' : at.back
    expect((await digFrom(where, { server, name: `${where}.example.org` })).rcode).toBe('NOERROR')
    expect((await digFrom(where, { server, name: `${where}.corp.example.org` })).rcode).toBe('NOERROR')
    expect(askedBy(`${where}.example.org`)).toEqual([true, false, false])
    expect(askedBy(`${where}.corp.example.org`)).toEqual([false, true, false])
  }
})

it('lead askers on the internal network to its own resolver, and nowhere else', async () => {
  const ask = (name: string) => digFrom('shop-shut-1', { server: at.sealed, name })
  expect((await ask('vault.example.com')).rcode).toBe('NOERROR')
  expect((await ask('git.corp.example.org')).rcode).toBe('NOERROR')
  expect(askedBy('vault.example.com')).toEqual([false, false, true])
  expect(askedBy('git.corp.example.org')).toEqual([false, false, true])
  // What is out of scope, special or the own network's still stays here.
  for (const name of ['web', 'web.shop_front', 'a.test', 'x.docker.internal']) {
    expect([name, (await ask(name)).rcode]).toEqual([name, 'NXDOMAIN'])
    expect(askedBy(name)).toEqual([false, false, false])
  }
})
