// The configuration as the rest of berth sees it: types alone, so that importing one loads neither zod nor YAML. A value's
// type stands beside what reads it, and what a setting means in the schema. Durations are milliseconds, sizes bytes; names
// are in lower case, without a trailing dot.
import type { ApiConfig } from './api-section.ts'
import type { EngineConfig, FoundEngine } from './engine-settings.ts'
import type { Fixed } from './fields.ts'
import type { Written } from './schema.ts'

export type { ApiToken } from './api-section.ts'
export type { EngineAddress, EngineConfig, EngineTls, FoundEngine } from './engine-settings.ts'
export type { ForwardNetwork, ForwardOrder, ForwardServer, ForwardZone } from './forward-section.ts'
export type { StaticHost } from './hosts.ts'
export type { NamePattern } from './settings.ts'
export type { HostPort, Upstream } from './text-values.ts'

export interface Config extends Fixed<Omit<Written, 'docker' | 'api'>> {
  /** The file it was read from, if any. */
  readonly file: string | undefined
  readonly docker: {
    readonly engines: readonly EngineConfig[]
    /** undefined: docker.engines names them. */
    readonly found?: FoundEngine | undefined
    readonly resync: number
  }
  readonly api: ApiConfig
}

export type CacheSettings = Config['cache']
