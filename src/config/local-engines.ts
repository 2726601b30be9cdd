// Which engines run on this machine, and why: only those identify clients. Pure.
import type { EngineConfig } from './engine-settings.ts'

export interface Locality {
  readonly local: boolean
  /** A few words, for people. */
  readonly why: string
}

export function localityOf(engine: EngineConfig, all: readonly EngineConfig[]): Locality {
  if (engine.local !== undefined) return { local: engine.local, why: `local: ${engine.local} is set` }
  if (all.length === 1) return { local: true, why: 'the only engine' }
  if (engine.address.kind === 'unix') return { local: true, why: 'a unix socket' }
  return { local: false, why: 'over TCP, and not the only one' }
}

/** The remote engines' names, as the registry takes them. */
export function remoteEngines(
  engines: readonly EngineConfig[],
): (readonly [engine: string, reach: 'none' | 'routed'])[] {
  return engines
    .filter((engine) => !localityOf(engine, engines).local)
    .map(({ name, reach = 'none' }) => [name, reach] as const)
}
