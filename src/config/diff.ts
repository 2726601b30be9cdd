// The settings that differ between two configurations, by key path. Pure.
import { createHash } from 'node:crypto'
import { listSettings } from './schema.ts'
import type { Config } from './types.ts'

/** Settings that are read at start only. */
export const fixedSettings: readonly string[] = ['udp', 'workers']

/** Key path → a digest of the value: comparing long lists would take long. */
export type Marks = Readonly<Record<string, string>>

export function markSettings(config: Config): Marks {
  return Object.fromEntries(listSettings().map((setting) => [setting, markOf(read(config, setting))]))
}

/** "listen", "log.level" …, in the schema's order. */
export function listChanges(before: Marks, after: Marks): string[] {
  return Object.keys(after).filter((setting) => before[setting] !== after[setting])
}

function markOf(value: unknown): string {
  const text = String(JSON.stringify(value))
  return text.length <= 64 ? text : createHash('sha256').update(text).digest('base64')
}

function read(config: Config, setting: string): unknown {
  let value: unknown = config
  for (const key of setting.split('.')) value = (value as Record<string, unknown>)[key]
  return value
}
