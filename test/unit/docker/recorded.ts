// What real engines answered, trimmed to what is read: 26.1 (API 1.45) and 20.10 (API 1.41), the same set-up on both; and
// 28.5, asked for in several versions of the API.
import { readFileSync } from 'node:fs'
import type { ApiContainer, ApiContainerRow, ApiNetwork } from '../../../src/docker/api/types.ts'
import { changed, withoutLegacy } from '../../engine/edge.ts'

export interface Recorded {
  version: { Version: string; ApiVersion: string }
  containers: ApiContainer[]
  rows: ApiContainerRow[]
  networks: ApiNetwork[]
  /** Lines of the event stream. */
  events: string[]
}

export const recorded = (['26', '20'] as const).map((engine) => {
  const text = readFileSync(new URL(`engine-${engine}.json`, import.meta.url), 'utf8')
  return { engine, ...(JSON.parse(text) as Recorded) }
})

export type Engine = (typeof recorded)[number]

export function networkNamed({ networks }: Recorded, name: string): ApiNetwork {
  return networks.find((network) => network.Name === name)!
}

export function containerNamed({ containers }: Recorded, name: string): ApiContainer {
  return containers.find((container) => container.Name === `/${name}`)!
}

/** Answers as they come when one version of the API is asked for. */
export interface Api {
  readonly api: string
  readonly containers: ApiContainer[]
  readonly rows: ApiContainerRow[]
  readonly networks: ApiNetwork[]
  readonly image: unknown
  readonly events: string[]
}

type Told = Omit<Api, 'api'>

/** 28.5.2's headers of a ping. */
export const ping28: Record<string, string> = told28().ping

/**
 * 28.5.2 in two versions, whole but for paths of files and most of HostConfig; only containers and images differ between
 * them. What follows 1.51 is made of that by the API's changelog (moby, api/docs/CHANGELOG.md), not recorded: 29 was not
 * there to be asked.
 */
export const apis: readonly Api[] = [
  { api: '1.44', ...told28('1.44') },
  { api: '1.51', ...told28('1.51') },
  ...['1.52', '1.53', '1.55'].map((api) => ({ api, ...later(told28('1.51'), api) })),
]

function told28(api: '1.44' | '1.51' = '1.51'): Told & { ping: Record<string, string> } {
  const text = readFileSync(new URL('engine-28-apis.json', import.meta.url), 'utf8')
  const { rows, networks, events, ping, ...by } = JSON.parse(text)
  return { ...by[api], rows, networks, events, ping }
}

function later({ containers, rows, networks, image, events }: Told, api: string): Told {
  const as = (path: string, told: unknown) => changed(path, told, { min: '1.44', max: api })
  return {
    containers: containers.map((each) => as('/containers/ID/json', each) as ApiContainer),
    rows: as('/containers/json', rows) as ApiContainerRow[],
    networks: networks.map((each) => as('/networks/ID', each) as ApiNetwork),
    image: { ...(as('/images/ID/json', image) as object), ...(api === '1.52' ? {} : { Identity: {} }) },
    // application/json-seq (RFC 7464) begins each with RS: nobody asked for it, but it is read.
    events: events.map((line) => `${api === '1.55' ? '\u001e' : ''}${withoutLegacy(line)}`),
  }
}
