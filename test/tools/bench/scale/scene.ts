// berth beside a synthetic engine, asked from the addresses of that engine's containers: two network namespaces with a
// cable between them, berth in one, the askers in the other. The engine is a process outside, on a unix socket.
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Serving, serve } from '../../../system/serve.ts'
import { createNamespace, plug } from '../../net/namespace.ts'
import { seededRandom } from '../../servers/random.ts'
import { type EngineProcess, startEngineProcess } from '../../synthetic/child.ts'
import { createEstate, namesOf } from '../../synthetic/estate.ts'
import type { Size } from '../../synthetic/plan.ts'
import { startWorker } from '../forward/calls.ts'
import type { Asked, Outcome, Question } from './asker.ts'

export interface Loop {
  /** Time that the event loop was at work and at rest since the last question, ms. */
  readonly active: number
  readonly idle: number
  /** The longest that something due had to wait, ms. */
  readonly longest: number
  /** CPU time of the whole process, garbage collection's threads included, ms. */
  readonly cpu: number
  /** Bytes; the heap after a garbage collection. */
  readonly rss: number
  readonly heapUsed: number
}

export interface Scene {
  readonly engine: EngineProcess
  readonly serving: Serving
  /** From the start of its process to `ready`, ms. */
  readonly readyAfter: number
  /** Addresses of containers that do not move, and questions of theirs whose answers stay the same. */
  readonly askers: readonly string[]
  readonly questions: readonly Question[]
  ask(asked: Omit<Asked, 'server'>): Promise<Outcome>
  /** The value of each series of berth's metrics. */
  metrics(): Promise<Map<string, number>>
  loop(): Promise<Loop>
  /** Peak and present memory of its process, bytes. */
  memory(): { peak: number; now: number }
  /** The exit code of berth's process. */
  stop(): Promise<number | null>
}

const server = '172.31.255.1'
const client = '172.31.255.2'
const askerCount = 200
const namesEach = 10

/** `movers`: how many containers, the plan's last ones, are not to be relied on. */
export async function openScene(size: Size, movers: number, extra: object = {}): Promise<Scene> {
  const { askers, questions } = chooseQuestions(size, movers)
  const [berthPlace, askerPlace] = await Promise.all([createNamespace(), createNamespace()])
  plug(berthPlace, 'askers', askerPlace, 'berth')
  berthPlace.ip(`addr add ${server}/30 dev askers`, `route add 10.0.0.0/8 via ${client}`)
  askerPlace.ip(
    `addr add ${client}/30 dev berth`,
    ...askers.map((address) => `addr add ${address}/32 dev berth`),
  )
  const engine = await startEngineProcess({ size })
  const asker = startWorker('../scale/asker.ts', askerPlace.entry)
  const probe = join(mkdtempSync(join(tmpdir(), 'berth-probe-')), 'socket')
  const begun = performance.now()
  const serving = serve(
    {
      ...{ listen: [`${server}:53`], http: `${server}:9153`, forward: { upstreams: [] } },
      ...{ docker: { engines: [{ name: 'synthetic', url: engine.url }] }, ...extra },
    },
    {
      node: ['--expose-gc', '--import', fileURLToPath(new URL('probe.mjs', import.meta.url))],
      ...{ env: { PROBE_SOCKET: probe }, within: berthPlace.entry },
    },
  )
  const scene: Omit<Scene, 'readyAfter'> = {
    ...{ engine, serving, askers, questions },
    ask: (asked) => asker.call('ask', { server, ...asked } satisfies Asked),
    async metrics() {
      const lines = await asker.call<string>('scrape', `http://${server}:9153/metrics`)
      return new Map(
        [...lines.matchAll(/^([a-z]\S*) (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
      )
    },
    async loop() {
      const socket = connect(probe)
      await once(socket, 'connect')
      return JSON.parse(await text(socket)) as Loop
    },
    memory() {
      const status = readFileSync(`/proc/${serving.child.pid}/status`, 'utf8')
      const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
      return { peak: bytes('VmHWM'), now: bytes('VmRSS') }
    },
    async stop() {
      serving.child.kill('SIGTERM')
      const code = await serving.exited
      asker.stop()
      await engine.stop()
      berthPlace.close()
      askerPlace.close()
      return code
    },
  }
  try {
    await serving.logged('ready', 60_000)
    return { ...scene, readyAfter: performance.now() - begun }
  } catch (error) {
    await scene.stop()
    throw error
  }
}

/** By an estate of our own, for the engine's is the same at the start. */
function chooseQuestions(size: Size, movers: number) {
  const estate = createEstate(size, () => 0)
  const random = seededRandom(7)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const all = [...estate.containers.values()]
  const stable = all.slice(0, all.length - movers)
  const moving = new Set(
    all
      .slice(all.length - movers)
      .flatMap((container) => [...container.places.values()].flatMap((place) => namesOf(container, place))),
  )
  const chosen = new Map<string, Question[]>()
  while (chosen.size < Math.min(askerCount, stable.length)) {
    const [place] = [...pick(stable).places.values()]
    const asker = place!.address
    if (chosen.has(asker)) continue
    const seen = estate.namesSeenBy(asker).filter((name) => !moving.has(name))
    const names = Array.from({ length: namesEach - 1 }, () => pick(seen))
    // One of ten is somebody else's: NXDOMAIN, unless they share a network.
    names.push(pick(stable).name)
    chosen.set(
      asker,
      names.map((name) => [asker, name, estate.expected(asker, name)]),
    )
  }
  // Not one asker after the other.
  const questions = Array.from({ length: namesEach }, (_, i) =>
    [...chosen.values()].map((own) => own[i]!),
  ).flat()
  return { askers: [...chosen.keys()], questions }
}
