// An engine that is away for a while, over real sockets: what an asker had on another network is not ready, in each of
// several processes; all else is as if it had not been on that; and with the engine everything is back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DigReply, parseDig } from '../engine/dig.ts'
import { until } from '../engine/docker.ts'
import { createProxy, type EngineProxy } from '../engine/proxy.ts'
import { createNamespace, isRoot, type Namespace, plug } from '../tools/net/namespace.ts'
import type { Container } from '../tools/synthetic/estate.ts'
import { type SyntheticEngine, startSyntheticEngine } from '../tools/synthetic/server.ts'
import { type Serving, serve } from './serve.ts'

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
/** Batched sockets share an address everywhere. */
const sharesByItself = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)

/** So many that each of two processes gets some, but for one time in thousands. */
const many = 12

describe.runIf(isRoot).each([1, 2])('%i processes', (workers) => {
  let engine: SyntheticEngine
  let proxy: EngineProxy
  let server: Namespace
  let client: Namespace
  let serving: Serving
  /** On the first network and the second, on the first alone, on the second alone, on the third alone. */
  let both: Container
  let alone: Container
  let far: Container
  let third: Container
  let nets: readonly string[]

  const on = (container: Container, n: number) => container.places.get(nets[n]!)?.address ?? ''

  beforeAll(async () => {
    engine = await startSyntheticEngine({ size: { networks: 3, containers: 18 } })
    nets = engine.estate.networks.map(({ id }) => id)
    const isOn = (container: Container, ...all: number[]) =>
      container.places.size === all.length && all.every((n) => container.places.has(nets[n]!))
    const find = (...all: number[]) =>
      [...engine.estate.containers.values()].find((each) => isOn(each, ...all))!
    ;[both, alone, far, third] = [find(0, 1), find(0), find(1), find(2)]
    proxy = await createProxy(engine.url.replace('unix://', ''))
    ;[server, client] = [await createNamespace(), await createNamespace()]
    plug(server, 'cable', client, 'eth0')
    const { gateway, prefix } = engine.estate.networks[0]!
    server.ip(`addr add ${gateway}/${prefix} dev cable`)
    client.ip(...[both, alone].map((each) => `addr add ${on(each, 0)}/${prefix} dev eth0`))
    serving = serve(
      {
        ...{ listen: ['*:53'], http: false, workers, zone: 'docker.internal' },
        docker: { engines: [{ name: 'proxied', url: `unix://${proxy.path}` }] },
        forward: { upstreams: [] },
      },
      {
        within: server.entry,
        env: { BERTH_WORKERS: undefined, ...(sharesByItself ? {} : { BERTH_UDP: undefined }) },
      },
    )
    await serving.logged('ready')
  })

  afterAll(async () => {
    serving?.child.kill('SIGTERM')
    const code = await serving?.exited
    proxy?.close()
    engine?.close()
    for (const namespace of [server, client]) namespace?.close()
    expect(code).toBe(0)
  })

  /** What all processes answer: one reply of each kind, an address in place of NOERROR. */
  function ask(container: Container, name: string, type = 'A'): string[] {
    const { gateway } = engine.estate.networks[0]!
    const asked = Array.from({ length: workers === 1 ? 1 : many }, () => [name, type]).flat()
    // Each from a port of its own.
    const told = client.run('dig', '-b', on(container, 0), `@${gateway}`, '+tries=1', '+time=5', ...asked)
    const replies = told.split(/(?=^;; ->>HEADER<<-)/m).slice(1)
    expect(replies).toHaveLength(asked.length / 2)
    return [...new Set(replies.map((reply) => describeReply(parseDig(reply))))].sort()
  }

  function describeReply({ rcode, ede, answers, authority }: DigReply): string {
    if (answers.length > 0) return answers.map(({ data }) => data).join()
    return [rcode, ...ede, ...(authority.length > 0 ? ['SOA'] : [])].join(' ')
  }

  const notReady = 'SERVFAIL 14'

  it('answer what the asker’s networks have', () => {
    expect(ask(both, far.name)).toEqual([on(far, 1)])
    expect(ask(alone, far.name)).toEqual(['NXDOMAIN SOA'])
  })

  it('say that it is not ready as soon as nobody is sure, and never that it is not there', async () => {
    proxy.setMode('drop')
    const seen = new Set<string>()
    await until(
      () => {
        const told = ask(both, far.name)
        for (const each of told) seen.add(each)
        return told.length === 1 && told[0] === notReady
      },
      { what: 'the engine counts as away', deadlineMs: 20_000 },
    )
    expect([...seen].sort()).toEqual([on(far, 1), notReady])
    const pointer = on(far, 1).split('.').reverse().join('.')
    for (const [name, type] of [
      [`${far.name}.p1_default`, 'A'],
      [`${far.name}.docker.internal`, 'AAAA'],
      [far.name, 'HTTPS'],
      [`${pointer}.in-addr.arpa`, 'PTR'],
    ] as const) {
      expect(ask(both, name, type), name).toEqual([notReady])
    }
  })

  it('answer meanwhile what is on the network of the address, and deny what others have and nobody has', () => {
    expect(ask(both, alone.name)).toEqual([on(alone, 0)])
    expect(ask(both, third.name)).toEqual(['NXDOMAIN SOA'])
    expect(ask(both, 'nobody')).toEqual(['NXDOMAIN SOA'])
    expect(ask(alone, far.name)).toEqual(['NXDOMAIN SOA'])
    expect(ask(alone, `${far.name}.p1_default`)).toEqual(['NXDOMAIN SOA'])
  })

  it('are right again when the engine is back, by what has happened meanwhile', async () => {
    const before = on(far, 1)
    engine.estate.stop(far.id)
    engine.start(far.id)
    expect(on(far, 1)).not.toBe(before)
    expect(ask(both, far.name)).toEqual([notReady])
    proxy.setMode('pass')
    const seen = new Set<string>()
    await until(
      () => {
        const told = ask(both, far.name)
        for (const each of told) seen.add(each)
        return told.length === 1 && told[0] === on(far, 1)
      },
      { what: 'the engine is back', deadlineMs: 20_000 },
    )
    expect([...seen].filter((each) => each !== notReady)).toEqual([on(far, 1)])
    await serving.logged('Docker engine is back')
    const told = serving.lines.filter(({ engine: of }) => of === 'proxied').map(({ msg }) => msg)
    // One line more for each other reason, as where a try was under way when it was cut.
    expect(told.filter((msg) => msg !== 'Docker engine still unreachable')).toEqual([
      'following Docker engine',
      'Docker engine lost; keeping its last known names',
      'Docker engine is back',
    ])
  })

  it('take nobody for the container whose address it has by then', async () => {
    proxy.setMode('drop')
    await until(() => ask(both, far.name).join() === notReady, { what: 'away again', deadlineMs: 20_000 })
    const address = on(both, 0)
    engine.estate.stop(both.id)
    // The address goes round: another container gets it at last, which is on the first network alone.
    const [heir] = [alone]
    do {
      engine.estate.stop(heir.id)
      engine.start(heir.id)
    } while (on(heir, 0) !== address)
    expect(ask(heir, far.name)).toEqual([notReady])
    proxy.setMode('pass')
    await until(() => ask(heir, far.name).join() !== notReady, {
      what: 'the engine is back',
      deadlineMs: 20_000,
    })
    expect(ask(heir, far.name)).toEqual(['NXDOMAIN SOA'])
    expect(ask(heir, heir.name)).toEqual([address])
  })
})
