// Makes containers come and go at random, by a seed: created, renamed, connected, disconnected, paused, removed.
import type Docker from 'dockerode'
import { createOn } from './api.ts'

export interface World {
  /** Names that containers have, or have had lately. */
  readonly names: ReadonlySet<string>
  readonly actions: ReadonlyMap<string, number>
  /** Acts until stopped, `atOnce` at a time; failures of the engine are counted and passed over. */
  run(until: () => boolean, atOnce: number): Promise<void>
  /** Unpauses everything. */
  settle(): Promise<void>
}

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Actor {
  name: string
  readonly number: number
  container: Docker.Container | undefined
  running: boolean
  paused: boolean
  networks: Set<string>
  generation: number
}

export function createWorld(
  engine: Docker,
  networks: readonly string[],
  count: number,
  random: () => number,
): World {
  const names = new Set<string>()
  const actions = new Map<string, number>()
  const actors: Actor[] = Array.from({ length: count }, (_, number) => ({
    ...{ number, name: '', container: undefined, running: false, paused: false },
    ...{ networks: new Set<string>(), generation: 0 },
  }))
  const busy = new Set<Actor>()
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!

  function nextName(actor: Actor): string {
    // Few names for many containers, so that names are given again.
    const name = `soak-${actor.number}-${actor.generation++ % 3}`
    names.add(name)
    return name
  }

  const deeds: Record<string, (actor: Actor) => Promise<void>> = {
    async create(actor) {
      actor.name = nextName(actor)
      const network = pick(networks)
      const alias = `shared-${actor.number % 10}`
      names.add(alias)
      actor.container = await createOn(engine, actor.name, network, [alias])
      actor.networks = new Set([network])
      await actor.container.start()
      actor.running = true
    },
    async stop(actor) {
      await actor.container!.stop({ t: 0 })
      actor.running = false
    },
    async start(actor) {
      await actor.container!.start()
      actor.running = true
    },
    async restart(actor) {
      await actor.container!.restart({ t: 0 })
      actor.running = true
    },
    async rename(actor) {
      const name = nextName(actor)
      await actor.container!.rename({ name })
      actor.name = name
    },
    async connect(actor) {
      const free = networks.filter((network) => !actor.networks.has(network))
      if (free.length === 0) return
      const network = pick(free)
      const EndpointConfig = { Aliases: [`shared-${actor.number % 10}`] }
      await engine.getNetwork(network).connect({ Container: actor.container!.id, EndpointConfig })
      actor.networks.add(network)
    },
    async disconnect(actor) {
      if (actor.networks.size < 2) return
      const network = pick([...actor.networks])
      await engine.getNetwork(network).disconnect({ Container: actor.container!.id })
      actor.networks.delete(network)
    },
    async pause(actor) {
      await actor.container!.pause()
      actor.paused = true
    },
    async unpause(actor) {
      await actor.container!.unpause()
      actor.paused = false
    },
    async remove(actor) {
      await actor.container!.remove({ force: true })
      actor.container = undefined
      actor.running = false
      actor.paused = false
    },
  }

  function possible(actor: Actor): string[] {
    if (actor.container === undefined) return ['create']
    if (actor.paused) return ['unpause']
    if (!actor.running) return ['start', 'start', 'rename', 'remove', 'connect']
    return [
      'stop',
      'restart',
      'rename',
      'rename',
      'connect',
      'connect',
      'disconnect',
      'disconnect',
      'pause',
      'remove',
    ]
  }

  async function act(): Promise<void> {
    const actor = pick(actors.filter((each) => !busy.has(each)))
    busy.add(actor)
    const deed = pick(possible(actor))
    try {
      await deeds[deed]!(actor)
      actions.set(deed, (actions.get(deed) ?? 0) + 1)
    } catch {
      actions.set('failed', (actions.get('failed') ?? 0) + 1)
      await lookAgain(actor)
    } finally {
      busy.delete(actor)
    }
  }

  /** After a failure (the engine was killed, a name was taken): what is there really. */
  async function lookAgain(actor: Actor): Promise<void> {
    const told = await actor.container?.inspect().catch(() => undefined)
    if (told === undefined && (await engine.ping().catch(() => undefined)) !== undefined)
      actor.container = undefined
    actor.running = told?.State.Running ?? false
    actor.paused = told?.State.Paused ?? false
    if (told !== undefined) actor.networks = new Set(Object.keys(told.NetworkSettings.Networks))
    // Not to hammer an engine that is away.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  return {
    names,
    actions,
    async run(until, atOnce) {
      const worker = async () => {
        while (!until()) await act()
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
    },
    async settle() {
      for (const actor of actors) if (actor.paused) await actor.container!.unpause().catch(() => undefined)
    },
  }
}
