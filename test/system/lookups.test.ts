// What programs get from upstreams as there are, by themselves and through berth: getaddrinfo of glibc and of musl.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRoot } from '../tools/net/namespace.ts'
import { createWorld, type Library, type World } from './lookups/world.ts'

const libraries: Library[] = ['glibc', 'musl']

describe.runIf(isRoot)('a server that denies a name for want of an AAAA', () => {
  const denier = '127.0.0.2'
  const berth = '127.0.0.3'
  let world: World
  let asked: () => string

  beforeAll(async () => {
    world = await createWorld()
    asked = await world.start('denier.ts', denier, '1')
    await world.serve({
      listen: [`${berth}:53`],
      http: 'off',
      docker: { engines: [] },
      forward: { upstreams: [denier] },
    })
  })

  afterAll(() => world.stop())

  it('by itself, is no use to musl', async () => {
    expect(await world.lookUp('glibc', denier, 'www.example.org')).toBe('ok 192.0.2.1')
    expect(await world.lookUp('musl', denier, 'www.example.org')).toBe('NONAME')
  })

  it('through berth, is as good as any, also once the address has been asked for again', async () => {
    const name = 'berth.example.org'
    // glibc takes the address whichever answer comes first.
    expect(await world.lookUp('glibc', berth, name)).toBe('ok 192.0.2.1')
    const before = addressesAsked()
    const end = performance.now() + 20_000
    do {
      for (const library of libraries) expect(await world.lookUp(library, berth, name)).toBe('ok 192.0.2.1')
      if (performance.now() > end) throw new Error('its TTL of 1 s is not over after 20 s')
    } while (addressesAsked() < before + 2)
  })

  const addressesAsked = () =>
    asked()
      .split('\n')
      .filter((type) => type === '1').length
})
