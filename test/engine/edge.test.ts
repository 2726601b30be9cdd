// Ranges of API versions, as Docker 29 and what may come after it have them, before this engine: berth follows what speaks a
// version that it knows, and says what to do about what does not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pathPrefix } from '../../src/docker/api/versions.ts'
import type { NamesReply } from '../../src/http/api-types.ts'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { type Edge, type EdgeOptions, startEdge } from './edge.ts'
import { privateEngine } from './engine.ts'
import { bringUp, removeContainers, takeDown } from './project.ts'

const ranges: readonly EdgeOptions[] = [
  { min: '1.44', max: '1.52' },
  { min: '1.44', max: '1.55', strict: true },
  { min: '1.40', max: '1.45', strict: true },
  { min: '1.51', max: '1.51', strict: true },
  { min: '1.24', max: '1.52', plainOnly: { status: 403, body: 'Forbidden' } },
]

describe.runIf(privateEngine())('an edge of other API versions', () => {
  const engine = privateEngine()!
  let edge: Edge
  let berth: Berth
  let direct: NamesReply

  const names = async () => {
    const reply = (await (await fetch('http://127.0.0.1:9153/api/names?as=host')).json()) as NamesReply
    const { networks, names } = reply
    const key = ({ name, network, v4 }: NamesReply['names'][number]) => `${name} ${network} ${v4}`
    return {
      ...reply,
      networks: [...networks].sort(),
      names: [...names]
        .map((each) => ({ ...each, containers: [...each.containers].sort(), v4: [...each.v4].sort() }))
        .sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    }
  }
  const serve = (url: string) =>
    startBerth({
      ...{ listen: ['127.0.0.1:1053'], forward: { upstreams: [] } },
      // What is right has been told by an event.
      docker: { engines: [{ name: 'local', url }], resync: '24h' },
    })

  beforeAll(async () => {
    await bringUp()
    berth = await serve(engine.host)
    direct = await names()
    expect(direct.names.length).toBeGreaterThan(5)
    expect(await berth.stop()).toBe(0)
  })
  afterAll(async () => {
    edge?.close()
    await removeContainers('edge-')
    await takeDown()
  })

  /** What the host is told comes to this. */
  const expectSoon = (name: string, address: string | undefined) =>
    until(
      async () => {
        const question = { server: '127.0.0.1', port: 1053, name: `${name}.docker.internal` }
        const { rcode, answers } = await digFrom('host', question)
        return address === undefined ? rcode === 'NXDOMAIN' : answers[0]?.data === address
      },
      { what: `${name} is ${address}` },
    )

  it.each(ranges)('%j is followed as the engine itself is', async (options) => {
    edge = await startEdge(engine.socket, options)
    berth = await serve(`unix://${edge.path}`)
    expect(await names()).toEqual(direct)
    await runContainer('edge-a', '--network', 'shop_back', '--network-alias', 'edge-alias')
    const address = (await addressesOf('edge-a')).shop_back!.v4!
    await expectSoon('edge-a', address)
    await expectSoon('edge-alias', address)
    await docker('rename', 'edge-a', 'edge-b')
    await expectSoon('edge-b', address)
    await docker('rm', '--force', 'edge-b')
    await expectSoon('edge-b', undefined)
    expect(berth.foundLate()).toEqual([])
    const isPlain = options.plainOnly !== undefined
    const prefix = pathPrefix(options.max)
    const plain = edge.asked.filter((path) => !path.startsWith(`${prefix}/`))
    if (!isPlain) expect([...new Set(plain)]).toEqual(['/_ping'])
    else expect(edge.asked.filter((path) => path.startsWith(prefix))).toEqual([`${prefix}/events`])
    const said = berth.lines.filter(({ level, refused }) => level === 'warn' && refused !== undefined)
    expect(said).toHaveLength(isPlain ? 1 : 0)
    expect(await berth.stop()).toBe(0)
    edge.close()
  })

  it.each([false, true])(
    'from a minimum above ours on is told of in one sentence (strict: %s)',
    async (strict) => {
      edge = await startEdge(engine.socket, { min: '1.60', max: '1.70', strict })
      berth = await serve(`unix://${edge.path}`)
      await until(() => edge.asked.filter((path) => path === '/_ping').length > 2, { what: 'it tries on' })
      const said = berth.lines.filter(({ level }) => level === 'warn' || level === 'error')
      expect(said).toMatchObject([{ problem: expect.stringMatching(/from 1\.60 on, .* update berth$/) }])
      edge.become({ min: '1.44', max: '1.52', strict })
      await berth.logged('following Docker engine')
      expect(await berth.stop()).toBe(0)
      edge.close()
    },
  )

  it('another engine in its place, after it was away, is asked in its own version', async () => {
    edge = await startEdge(engine.socket, { min: '1.24', max: '1.45' })
    berth = await serve(`unix://${edge.path}`)
    edge.become({ min: '1.46', max: '1.52' })
    await until(() => edge.asked.includes('/v1.52/events'), { what: 'the new version is asked for' })
    await runContainer('edge-c', '--network', 'shop_back')
    await expectSoon('edge-c', (await addressesOf('edge-c')).shop_back!.v4)
    expect(await berth.stop()).toBe(0)
  })
})
