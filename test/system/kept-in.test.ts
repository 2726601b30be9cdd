// What an upstream gets to hear of local names: nothing, whoever asks, when they are there and when they are gone, from
// each of several processes and from one that is new.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RecordingUpstream, startUpstream } from '../engine/upstream.ts'
import { ask } from '../tools/servers/client.ts'
import { type SyntheticEngine, startSyntheticEngine } from '../tools/synthetic/server.ts'
import { freePort, type Serving, serve } from './serve.ts'

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
/** Batched sockets share an address everywhere. */
const sharesByItself = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)

/** So many that each of two processes gets some, but for one time in millions. */
const many = 32

/** Of the first container: Compose's service svc0 of the project p0, on the network p0_default. */
const forms = [
  'svc0.p0',
  '1.svc0.p0',
  '_http._tcp.svc0.p0',
  'svc0.p0.p1_default',
  'p0-svc0-1.p0_default',
  '_http._tcp.p0-svc0-1.p0_default',
  'p0-svc0-1.p0_default.p0_default',
]

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within 60 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each([1, 2])('%i processes', (workers) => {
  let engine: SyntheticEngine
  let upstream: RecordingUpstream
  let serving: Serving
  let port: number

  beforeAll(async () => {
    engine = await startSyntheticEngine({ size: { networks: 3, containers: 6 } })
    Object.assign(engine.estate.networks[2]!, { name: 'dev' })
    upstream = await startUpstream()
    port = await freePort()
    serving = serve(
      {
        ...{ listen: [`127.0.0.1:${port}`], http: 'off', workers },
        docker: { engines: [engine.url] },
        forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
        log: { level: 'debug' },
      },
      { env: { BERTH_WORKERS: undefined, ...(sharesByItself ? {} : { BERTH_UDP: undefined }) } },
    )
    await serving.logged('ready')
  })

  afterAll(async () => {
    serving.child.kill('SIGTERM')
    await serving.exited
    engine.close()
    upstream.close()
  })

  /** The rcodes of all processes. */
  async function rcodesOf(name: string, type = 'A'): Promise<number[]> {
    const replies = await Promise.all(
      Array.from({ length: workers === 1 ? 1 : many }, () => ask(port, name, type)),
    )
    return [...new Set(replies.map(({ rcode }) => rcode))]
  }

  async function expectKeptIn(): Promise<void> {
    for (const name of forms) {
      for (const type of ['A', 'TXT']) expect(await rcodesOf(name, type), `${name} ${type}`).toEqual([3])
      expect(upstream.saw(name), name).toBe(false)
    }
  }

  it('keep in what is there, and forward what is others’', async () => {
    await expectKeptIn()
    expect(await rcodesOf('www.example.org')).toEqual([0])
    await rcodesOf('bank', 'MX')
    expect([upstream.saw('www.example.org'), upstream.saw('bank')]).toEqual([true, true])
  })

  it('leave what ends in a public domain to the public, and say once that a network is called so', async () => {
    const [{ name } = { name: '' }] = [...engine.estate.containers.values()].filter(({ places }) =>
      places.has(engine.estate.networks[2]!.id),
    )
    await rcodesOf(`${name}.dev`)
    expect(upstream.saw(`${name}.dev`)).toBe(true)
    const told = serving.lines.filter(({ msg }) => msg === 'a name matches a public domain')
    expect(told).toMatchObject([
      { level: 'warn', why: expect.stringContaining('the network dev is called like') },
    ])
  })

  it('keep in what is gone, those too that begin afterwards', async () => {
    const [id] = [...engine.estate.containers].find(([, { name }]) => name === 'p0-svc0-1')!
    const isThere = async () => (await rcodesOf('p0-svc0-1.docker.internal')).some((code) => code !== 3)
    expect(await isThere()).toBe(true)
    engine.estate.stop(id)
    engine.estate.remove(id)
    await until(async () => !(await isThere()), 'the container is gone')
    await expectKeptIn()
    expect(await rcodesOf('p0-svc0-1', 'MX')).toEqual([3])
    expect(upstream.saw('p0-svc0-1')).toBe(false)
    if (workers === 1) return
    const pids = () =>
      serving.lines.filter(({ msg }) => msg === 'a worker answers').map(({ pid }) => Number(pid))
    const [before] = pids()
    process.kill(before!, 'SIGKILL')
    await until(() => pids().length > 1, 'another worker answers')
    await expectKeptIn()
  })
})
