// The soak: containers come and go while questions run without pause, and every answer is judged by the engine's events.
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { startBerth } from '../../engine/berth.ts'
import { until } from '../../engine/docker.ts'
import { besidePodman } from '../../engine/podman.ts'
import { createProxy } from '../../engine/proxy.ts'
import { connectEngine, inTurns } from './api.ts'
import { type Asked, createClient, wallClock } from './client.ts'
import { History } from './history.ts'
import { type Gap, judge, mustBeThere, type Question } from './judge.ts'
import { followEngine } from './log.ts'
import { killInTheMiddle, readMetrics, troubleWith } from './trouble.ts'
import { createWorld, randomFrom } from './world.ts'

export type Trouble = 'none' | 'kill' | 'proxy'

export interface SoakOptions {
  readonly seed: number
  readonly seconds: number
  /** On a machine that is too slow for that many in that time it goes on until they have come, `overtime` at most. */
  readonly leastEvents?: number
  readonly containers: number
  /** kill: the engine is killed and started again in the middle; proxy: berth sees it through a bad one. */
  readonly trouble: Trouble
  /** Port of berth's DNS. */
  readonly port: number
  readonly log: (line: string) => void
}

export interface SoakResult {
  readonly questions: number
  readonly perSecond: number
  readonly judged: number
  /** Of those: questions to which no address would have been wrong. */
  readonly binding: number
  readonly events: number
  readonly actions: Readonly<Record<string, number>>
  readonly violations: readonly string[]
  /** Names whose addresses are not the engine's at the end. */
  readonly wrongAtTheEnd: readonly string[]
  readonly metrics: string
}

const zone = 'docker.internal'
/** Answers are judged once the events and inspects of their time are in, ms. */
const judgedAfter = 4_000
/** Seconds. */
const overtime = 30

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const engine = connectEngine()
  const random = randomFrom(options.seed)
  const networks = ['soak_a', 'soak_b', 'soak_c', 'soak_d', 'soak_e']
  const ids = new Map<string, string>()
  for (const name of networks) ids.set(name, (await engine.createNetwork({ Name: name })).id)

  const history = new History({ startsSilently: besidePodman() })
  const gaps: Gap[] = []
  const log = await followEngine(engine, history)
  const socket = process.env.DOCKER_HOST!.replace(/^unix:\/\//, '')
  const proxy = options.trouble === 'proxy' ? await createProxy(socket) : undefined
  const berth = await startBerth({
    listen: [`127.0.0.1:${options.port}`],
    docker: { engines: [{ name: 'soak', url: `unix://${proxy?.path ?? socket}` }] },
    forward: { upstreams: [] },
  })
  goFirst(berth.child.pid!)
  goFirst(process.pid)
  const client = await createClient({ host: '127.0.0.1', port: options.port })
  const world = createWorld(engine, networks, options.containers, random)
  const pending: { question: Question; asked: Asked }[] = []
  const violations: string[] = []
  let questions = 0
  let judged = 0
  let binding = 0
  let over = false

  const started = wallClock()
  const asking = Array.from({ length: 4 }, async () => {
    while (!over) {
      const known = [...world.names]
      const name = known[Math.floor(Math.random() * known.length)] ?? 'soak-0-0'
      const network = networks[Math.floor(Math.random() * networks.length)]!
      const asked = await client.ask(`${name}.${network}.${zone}`)
      questions++
      pending.push({ question: { networkId: ids.get(network)!, name }, asked })
      await sleep(1)
    }
  })
  const judging = (async () => {
    while (!over || pending.length > 0) {
      while (pending.length > 0 && pending[0]!.asked.cameAt < wallClock() - judgedAfter) {
        const { question, asked } = pending.shift()!
        judged++
        if (mustBeThere(history, question, asked) !== undefined) binding++
        const wrong = judge(history, question, asked, gaps)
        if (wrong !== undefined)
          violations.push(`${asked.name} at ${Math.round(asked.sentAt - started)} ms: ${wrong}`)
      }
      await sleep(50)
    }
  })()

  const end = started + options.seconds * 1000
  let isTroubled = options.trouble !== 'none'
  // What comes after the trouble is of interest too, however long that took.
  const isOver = () =>
    (wallClock() > end && !isTroubled && log.count() >= (options.leastEvents ?? 0)) ||
    wallClock() > end + overtime * 1000
  const trouble = async () => {
    if (options.trouble === 'kill') await killInTheMiddle(options, gaps, log)
    if (proxy !== undefined) await troubleWith(proxy, options, gaps)
    isTroubled = false
  }
  await Promise.all([world.run(isOver, 5), trouble()])
  await world.settle()
  over = true
  await Promise.all(asking)
  const seconds = (wallClock() - started) / 1000
  await judging
  const wrongAtTheEnd = await until(() => compareTables(engine, networks), {
    what: 'the table is the engine’s',
    deadlineMs: 15_000,
    accept: (wrong) => wrong.length === 0,
  }).catch(() => compareTables(engine, networks))
  const metrics = await readMetrics()
  client.close()
  log.close()
  await berth.stop()
  proxy?.close()
  // What is left behind says nothing of berth.
  await takeDown(engine, networks).catch((error) => options.log(String(error)))
  return {
    ...{ questions, judged, binding, violations, wrongAtTheEnd, metrics },
    perSecond: Math.round(questions / seconds),
    events: log.count(),
    actions: Object.fromEntries(world.actions),
  }
}

/**
 * An engine that starts five containers at once takes all cores, and more than a second of them at times: what is
 * judged is berth, not who gets the processor. Priorities will not do, they count within a session only.
 */
function goFirst(pid: number): void {
  try {
    execFileSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(pid)], { stdio: 'ignore' })
  } catch {
    // Not root, or no chrt: then the machine had better be quiet.
  }
}

async function takeDown(engine: Docker, networks: readonly string[]): Promise<void> {
  const rows = await engine.listContainers({ all: true, filters: { name: ['soak-'] } })
  await inTurns(rows, 8, async ({ Id }) => engine.getContainer(Id).remove({ force: true }))
  for (const name of networks) {
    const network = engine.getNetwork(name)
    // 20.10 may keep endpoints of containers that are gone, for a while or for good.
    const remove = async () => {
      try {
        const { Containers = {} } = await network.inspect()
        for (const id of Object.keys(Containers)) {
          await network.disconnect({ Container: id, Force: true }).catch(() => {})
        }
        await network.remove()
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode !== 404) throw error
      }
      return true
    }
    await until(remove, { what: `${name} is removed`, deadlineMs: 15_000 })
  }
}

/** Names that berth and the engine do not agree on, with what each says. */
async function compareTables(engine: Docker, networks: readonly string[]): Promise<string[]> {
  const wanted = new Map<string, string[]>()
  const rows = await until(() => engine.listContainers(), { what: 'the engine lists containers' })
  for (const row of rows) {
    const told = await engine.getContainer(row.Id).inspect()
    for (const network of networks) {
      const place = told.NetworkSettings.Networks[network]
      if (place === undefined || place.IPAddress === '') continue
      const names = [told.Name.slice(1), ...((place.Aliases as string[] | null) ?? []), row.Id.slice(0, 12)]
      for (const name of new Set(names)) {
        const key = `${name}.${network}.${zone}`
        wanted.set(key, [...(wanted.get(key) ?? []), place.IPAddress].sort())
      }
    }
  }
  const reply = (await (await fetch('http://127.0.0.1:9153/api/names?as=host')).json()) as {
    names: { name: string; network: string; v4: string[] }[]
  }
  const told = new Map(
    reply.names
      .filter(({ network }) => networks.includes(network))
      .map(({ name, v4 }) => [name, [...v4].sort()]),
  )
  const keys = new Set([...wanted.keys(), ...told.keys()])
  return [...keys]
    .filter((key) => String(wanted.get(key)) !== String(told.get(key)))
    .map((key) => `${key}: engine ${wanted.get(key)}, berth ${told.get(key)}`)
}
