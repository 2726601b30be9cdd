// What real engines answered, trimmed to what is read: 26.1 (API 1.45) and 20.10 (API 1.41), the same set-up on both.
import { readFileSync } from 'node:fs'
import type { RawContainer, RawContainerRow, RawNetwork } from '../../../src/docker/raw.ts'

export interface Recorded {
  version: { Version: string; ApiVersion: string }
  containers: RawContainer[]
  rows: RawContainerRow[]
  networks: RawNetwork[]
  /** Lines of the event stream. */
  events: string[]
}

export const recorded = (['26', '20'] as const).map((engine) => {
  const text = readFileSync(new URL(`engine-${engine}.json`, import.meta.url), 'utf8')
  return { engine, ...(JSON.parse(text) as Recorded) }
})

export type Engine = (typeof recorded)[number]

export function networkNamed({ networks }: Recorded, name: string): RawNetwork {
  return networks.find((network) => network.Name === name)!
}

export function containerNamed({ containers }: Recorded, name: string): RawContainer {
  return containers.find((container) => container.Name === `/${name}`)!
}
