// What differs between two configurations, by key path. Pure.
import { isDeepStrictEqual } from 'node:util'
import { listSettings } from './schema.ts'
import type { Config } from './types.ts'

/** What is read at start only. */
export const fixedSettings: readonly string[] = ['udp', 'workers']

/** "listen", "log.level" …, in the schema's order. */
export function listChanges(before: Config, after: Config): string[] {
  return listSettings().filter((setting) => !isDeepStrictEqual(read(before, setting), read(after, setting)))
}

function read(config: Config, setting: string): unknown {
  let value: unknown = config
  for (const key of setting.split('.')) value = (value as Record<string, unknown>)[key]
  return value
}
