// How soon berth is right: from the engine's own event to the first right answer, for start, rename, connect and stop,
// with 20 and with 200 containers running; how soon things begin and end without an engine; and how many first questions of
// new processes are answered rightly. Prints tables, and judges the first: what takes too long ends it with 1.
//   npm run latency -- [--engine 28|26.1|20.10|podman]
// Podman tells its events late. There the times are also taken from when it told berth, and those are judged; of a connect,
// which it tells before it makes it, from when it was made. BERTH_PODMAN_EVENTS=journald: it tells a journal, not a file.
import { setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type Docker from 'dockerode'
import { startBerth } from '../../engine/berth.ts'
import { until } from '../../engine/docker.ts'
import { followEvents, type Heard, type HeardEvent } from '../../engine/events.ts'
import { besidePodman } from '../../engine/podman.ts'
import { connectEngine, createOn, inTurns } from './api.ts'
import { besideEngine } from './beside.ts'
import { findLate } from './bounds.ts'
import { type Asked, type Client, createClient, wallClock } from './client.ts'
import { measureEnds } from './ends.ts'
import { measureFirst, tabulateFirst } from './first/first.ts'
import { createPod } from './pods.ts'
import {
  changeOf,
  findLateChanges,
  plainHead,
  plainRows,
  type Seen,
  sinceHappened,
  toldHead,
  toldRows,
} from './record.ts'
import { createTap } from './tap.ts'

const { values } = parseArgs({ options: { engine: { type: 'string', default: '26.1' } } })
await besideEngine(values.engine)
const repetitions = Number(process.env.BERTH_LATENCY_REPETITIONS ?? 40)
const sizes = (process.env.BERTH_LATENCY_RUNNING ?? '20,200').split(',').map(Number)
const networks = ['lat_a', 'lat_b', 'lat_c', 'lat_d']
const port = 1053

const engine = connectEngine()
const tap = besidePodman() ? await createTap(new URL(process.env.DOCKER_HOST!).pathname) : undefined
const engines = tap === undefined ? {} : { docker: { engines: [`unix://${tap.path}`] } }
const rows: string[] = []
const late: string[] = []

/** Podman looks for news at times of its own: spreads what is done evenly over the time between them. */
let pauses = 0
async function pause() {
  if (!besidePodman()) return
  const until = wallClock() + 250 * ((++pauses * 0.618) % 1)
  while (wallClock() < until) await turn()
}

/** Asks every ms from before `act` on until an answer is accepted; gives when that came. */
async function firstRight(
  client: Client,
  name: string,
  accept: (asked: Asked) => boolean,
  act: () => Promise<unknown>,
) {
  let right: number | undefined
  let acted = false
  const acting = act().then(() => {
    acted = true
  })
  const deadline = wallClock() + 20_000
  while (right === undefined && wallClock() < deadline) {
    const asked = await client.ask(name)
    if (accept(asked)) right = asked.cameAt
    const next = asked.sentAt + 1
    while (right === undefined && wallClock() < next) await turn()
  }
  await acting
  if (right === undefined || !acted) throw new Error(`no right answer for ${name}`)
  return right
}

/** `network`: its name, where it is to be of one: a disconnect is told twice while the container runs. */
function told(
  events: Heard,
  id: string,
  type: string,
  action: RegExp,
  after: number,
  network?: string,
): Promise<HeardEvent> {
  return until(
    () =>
      events.all.find(
        (event) =>
          event.time >= after - 5 &&
          event.type === type &&
          action.test(event.action) &&
          (event.id === id || event.attributes.container === id) &&
          (network === undefined || event.attributes.name === network),
      )!,
    { what: `${type} ${action} of ${id.slice(0, 12)}` },
  )
}

/** When the engine says that a container that is started has its places: on Podman with the start, for it says no other. */
const joined = (events: Heard, id: string, after: number): Promise<HeardEvent> =>
  besidePodman()
    ? told(events, id, 'container', /^start$/, after)
    : told(events, id, 'network', /^connect$/, after)

/** When it says that one has left its own network for having ended. */
async function left(events: Heard, id: string, after: number, network: string): Promise<HeardEvent> {
  const died = await told(events, id, 'container', /^die$/, after)
  if (besidePodman()) return died
  const gone = await told(events, id, 'network', /^disconnect$/, after, network)
  return died.time < gone.time ? died : gone
}

const isThere = ({ rcode, addresses }: Asked) => rcode === 'NOERROR' && addresses.length > 0
const isGone = ({ rcode }: Asked) => rcode === 'NXDOMAIN'

async function measure(events: Heard, client: Client, running: number): Promise<void> {
  const kinds = ['start', 'rename', 'connect', 'disconnect', 'stop', 'remove']
  const changes: Record<string, Seen[]> = {}
  for (const kind of [...kinds, 'alias of a stopped container', 'start at another address'])
    changes[kind] = []
  let early = 0
  let earlyAliases = 0
  for (let i = 0; i < repetitions; i++) {
    const name = `lat-${running}-${i}`
    let container!: Docker.Container
    await pause()
    const begun = wallClock()
    const alias = createClient({ host: '127.0.0.1', port })
    const aliasThere = alias.then((own) =>
      firstRight(own, `alias-${running}-${i}.docker.internal`, isThere, async () => {}).finally(() =>
        own.close(),
      ),
    )
    const there = await firstRight(client, `${name}.docker.internal`, isThere, async () => {
      container = await createOn(engine, name, networks[i % 2]!, [`alias-${running}-${i}`])
      await container.start()
    })
    const { id } = container
    const note = (what: string, event: HeardEvent, rightAt: number) =>
      changes[what]!.push({ event, id, rightAt })
    note('start', await joined(events, id, begun), there)
    const started = await told(events, id, 'container', /^start$/, begun)
    if (there < started.time) early++
    if ((await aliasThere) < started.time) earlyAliases++

    await pause()
    const renamedFrom = wallClock()
    const renamed = await firstRight(client, `${name}-new.docker.internal`, isThere, () =>
      container.rename({ name: `${name}-new` }),
    )
    note('rename', await told(events, id, 'container', /^rename$/, renamedFrom), renamed)

    await pause()
    const joinedFrom = wallClock()
    let doneAt = 0
    const found = await firstRight(client, `${name}-new.lat_c.docker.internal`, isThere, async () => {
      await engine.getNetwork('lat_c').connect({ Container: id })
      doneAt = wallClock()
    })
    const connected = await told(events, id, 'network', /^connect$/, joinedFrom)
    changes.connect!.push({ event: connected, id, rightAt: found, doneAt })

    await pause()
    const leftFrom = wallClock()
    const lost = await firstRight(client, `${name}-new.lat_c.docker.internal`, isGone, () =>
      engine.getNetwork('lat_c').disconnect({ Container: id }),
    )
    note('disconnect', await told(events, id, 'network', /^disconnect$/, leftFrom), lost)

    await pause()
    const stoppedFrom = wallClock()
    const gone = await firstRight(client, `${name}-new.docker.internal`, isGone, () =>
      container.stop({ t: 0 }),
    )
    note('stop', await left(events, id, stoppedFrom, networks[i % 2]!), gone)

    // Another one may have its address meanwhile, and it is one container more with an alias given while it was stopped.
    const taker = await createOn(engine, `${name}-taker`, networks[i % 2]!)
    await taker.start()
    await engine
      .getNetwork('lat_d')
      .connect({ Container: id, EndpointConfig: { Aliases: [`late-${running}-${i}`] } })
    await pause()
    const againFrom = wallClock()
    const lateAlias = createClient({ host: '127.0.0.1', port })
    const lateThere = lateAlias.then((own) =>
      firstRight(own, `late-${running}-${i}.docker.internal`, isThere, async () => {}).finally(() =>
        own.close(),
      ),
    )
    const again = await firstRight(client, `${name}-new.docker.internal`, isThere, () => container.start())
    note('start at another address', await joined(events, id, againFrom), again)
    const startedAgain = await told(events, id, 'container', /^start$/, againFrom)
    note('alias of a stopped container', startedAgain, await lateThere)
    await pause()
    const removedFrom = wallClock()
    const removed = await firstRight(client, `${name}-taker.docker.internal`, isGone, () =>
      taker.remove({ force: true }),
    )
    const ended = await left(events, taker.id, removedFrom, networks[i % 2]!)
    changes.remove!.push({ event: ended, id: taker.id, rightAt: removed })
    await container.remove({ force: true })
  }
  take(changes, running)
  const share = (count: number) => `${count} of ${repetitions}`
  rows.push(
    `| _${running} running: name before the process ran: ${share(early)}; aliases too: ${share(earlyAliases)}_ | | | | | |`,
  )
}

/** Into the table, and judged. */
function take(all: Readonly<Record<string, readonly Seen[]>>, running: number): void {
  // Not before: of what berth found without being told, the event may come to it later.
  const changes = Object.fromEntries(
    Object.entries(all).map(([what, list]) => [what, list.map((each) => changeOf(each, tap))]),
  )
  rows.push(...(tap === undefined ? plainRows(sinceHappened(changes), running) : toldRows(changes, running)))
  late.push(...findLateChanges(changes, tap).map((sentence) => `${sentence} (${running} running)`))
}

/** Until each of two processes has the name: by many clients, of which the system gives each some. */
async function measureProcesses(events: Heard): Promise<Seen[]> {
  const host = '127.0.0.1'
  const several = await startBerth({
    ...{ ...engines, listen: [`${host}:${port + 1}`], http: 'off', workers: 2, forward: { upstreams: [] } },
  })
  const clients = await Promise.all(Array.from({ length: 16 }, () => createClient({ host, port: port + 1 })))
  const changes: Seen[] = []
  for (let i = 0; i < repetitions / 4; i++) {
    const name = `lat-each-${i}`
    await pause()
    const begun = wallClock()
    const container = await createOn(engine, name, networks[i % 2]!)
    const there = clients.map((each) => firstRight(each, `${name}.docker.internal`, isThere, async () => {}))
    await container.start()
    const last = Math.max(...(await Promise.all(there)))
    changes.push({ event: await joined(events, container.id, begun), id: container.id, rightAt: last })
    await container.remove({ force: true })
  }
  for (const each of clients) each.close()
  await several.stop()
  return changes
}

/** One container's, one after the other: each waits for no list. */
async function measureConnects(events: Heard, client: Client): Promise<Seen[]> {
  const container = await createOn(engine, 'lat-row', 'lat_a')
  await container.start()
  const network = engine.getNetwork('lat_b')
  const { id } = container
  const changes: Seen[] = []
  for (let i = 0; i < 100; i++) {
    await pause()
    const from = wallClock()
    let doneAt = 0
    const rightAt = await firstRight(client, 'lat-row.lat_b.docker.internal', isThere, async () => {
      await network.connect({ Container: id })
      doneAt = wallClock()
    })
    const event = await told(events, id, 'network', /^connect$/, from)
    changes.push({ event, id, rightAt, doneAt })
    await firstRight(client, 'lat-row.lat_b.docker.internal', isGone, () =>
      network.disconnect({ Container: id }),
    )
  }
  await container.remove({ force: true })
  return changes
}

/** Of a pod with one container: from its start to its name, from its end to none. */
async function measurePods(events: Heard, client: Client): Promise<Record<string, Seen[]>> {
  const changes = { 'pod create': [] as Seen[], 'pod rm': [] as Seen[] }
  for (let i = 0; i < repetitions; i++) {
    const [pod, name] = [`lat-pod-${i}`, `lat-member-${i}`]
    await pause()
    const from = wallClock()
    let made!: Awaited<ReturnType<typeof createPod>>
    const there = await firstRight(client, `${name}.docker.internal`, isThere, async () => {
      made = await createPod(engine, pod, networks[i % 2]!, name)
    })
    const { member } = made
    const started = await told(events, member, 'container', /^start$/, from)
    changes['pod create'].push({ event: started, id: member, rightAt: there })
    await pause()
    const removedFrom = wallClock()
    const gone = await firstRight(client, `${name}.docker.internal`, isGone, () => made.remove())
    const died = await told(events, member, 'container', /^die$/, removedFrom)
    changes['pod rm'].push({ event: died, id: member, rightAt: gone })
  }
  return changes
}

async function lag(): Promise<string> {
  const text = await (await fetch('http://127.0.0.1:9153/metrics')).text()
  const buckets = [
    ...text.matchAll(/^berth_docker_event_lag_seconds_bucket\{[^}]*le="([^"]+)"[^}]*\} (\d+)$/gm),
  ]
  const late = /^berth_docker_late_names_total\{[^}]*\} (\d+)$/m.exec(text)?.[1]
  return `${buckets.map(([, le, count]) => `≤ ${le}: ${count}`).join(', ')}; late names: ${late}`
}

for (const network of networks) await engine.createNetwork({ Name: network })
const berth = await startBerth({ ...engines, listen: [`127.0.0.1:${port}`], forward: { upstreams: [] } })
const events = await followEvents()
const client = await createClient({ host: '127.0.0.1', port })
let there = 0
for (const running of sizes) {
  const more = Array.from({ length: running - there }, (_, i) => `lat-base-${there + i}`)
  await inTurns(more, 4, async (name) => {
    const base = await createOn(engine, name, networks[there++ % networks.length]!)
    await base.start()
  })
  await measure(events, client, running)
}
take({ 'start, each of two processes': await measureProcesses(events) }, there)
take({ 'connect, 100 in a row': await measureConnects(events, client) }, there)
if (besidePodman()) take(await measurePods(events, client), there)
const own = await lag()
client.close()
events.close()
const code = await berth.stop()
const ends = await measureEnds()
late.push(...findLate(ends))
tap?.close()
// 20.10 runs a container on one network at once, and Podman's resolver is at each bridge's own port 53.
const hasFirsts = !besidePodman() && process.env.BERTH_ENGINE !== '20.10'
const firsts = hasFirsts
  ? tabulateFirst(await measureFirst(repetitions / 2))
  : 'First questions: not on this engine.'
console.log(`\n${tap === undefined ? plainHead : toldHead}\n${rows.join('\n')}`)
console.log(`\n${plainHead}\n${plainRows(ends, there).join('\n')}`)
console.log(`\n${firsts}`)
console.log(`\nberth_docker_event_lag_seconds, cumulated: ${own}`)
for (const sentence of late) console.error(`!!! LATE: ${sentence}`)
process.exitCode = late.length > 0 ? 1 : (code ?? 1)
