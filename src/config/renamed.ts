// Settings that were given a better name: the old one is still taken. Pure, and without zod.
import { isMap } from './yaml-values.ts'

/** Old key path → new one. */
const renamed: ReadonlyMap<string, string> = new Map([['forward.policy', 'forward.order']])

export const oldSettings: readonly string[] = [...renamed.keys()]

export function newSetting(setting: string): string {
  return renamed.get(setting) ?? setting
}

/** Why a setting is not to be written under both names. `old` and `now` as they are written. */
export function bothNames(old: string, now: string): string {
  return `is the old name of ${now}, which is set as well; drop ${old}`
}

/** Moves what the tree has under old names. New key path → old one, of each that was written; `both`: under both names. */
export function moveRenamed(
  tree: Record<string, unknown>,
  both: (old: string, now: string) => void,
): ReadonlyMap<string, string> {
  const moved = new Map<string, string>()
  for (const [old, now] of renamed) {
    const [section, oldKey, newKey] = [...old.split('.'), now.split('.')[1]] as [string, string, string]
    const inner = tree[section]
    if (!isMap(inner) || !(oldKey in inner)) continue
    if (newKey in inner) both(old, now)
    else moved.set(now, old)
    const { [oldKey]: value, ...rest } = inner
    tree[section] = { [newKey]: value, ...rest }
  }
  return moved
}
