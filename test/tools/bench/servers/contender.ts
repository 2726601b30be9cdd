// A server of the benchmark: how it is started with the world's names, and where it is asked.
import type { Asker } from '../client/dnsperf.ts'
import type { Native } from '../native/build.ts'
import type { Place } from '../place.ts'
import { type Answers, answersFrom } from '../world/judge.ts'
import type { World } from '../world/world.ts'

export interface Scene {
  readonly place: Place
  readonly world: World
  readonly native: Native
  readonly forwards: Forwards
}

/** What is forwarded to the upstream: nothing, names that are asked for again and again, names that nobody had asked for. */
export type Forwards = 'nothing' | 'known' | 'new'

export interface Contender {
  readonly name: string
  /** What tables call it, once it is installed. Default: its name. */
  title?(): string
  start(scene: Scene): Promise<Started>
}

export interface Started {
  readonly pid: number
  /** Words before the client's command: where it runs. */
  readonly asking: readonly string[]
  readonly askers: readonly Asker[]
  readonly answers: Answers
  /** The most it serves at once. */
  readonly connections?: number
  stop(): Promise<unknown>
}

/** By contenders' names. */
export type Titles = Readonly<Record<string, string>>

export function titlesOf(contenders: readonly Contender[]): Titles {
  return Object.fromEntries(contenders.map(({ name, title }) => [name, title?.() ?? name]))
}

/** Asked by all of the world's askers at one address: the engine's docker0 in real life, given as `dns` to all containers. */
export function askedAtOne({ place, world }: Scene, port: number): Omit<Started, 'pid' | 'stop'> {
  const askers = world.askers.map(({ address, project }) => ({
    ...{ address, project, server: place.address, port },
  }))
  return { asking: place.asking, askers, answers: answersFrom(world.records) }
}

/** Each asker asks at its network's gateway. */
export function askedAtGateways({ place, world }: Scene, port: number): Omit<Started, 'pid' | 'stop'> {
  const askers = world.askers.map(({ address, project, gateway }) => ({
    ...{ address, project, server: gateway, port },
  }))
  return { asking: place.asking, askers, answers: answersFrom(world.records) }
}
