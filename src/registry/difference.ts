// The difference of two maps, as a StoreChange carries it.

/** Entries that are another object in `after`, and undefined for those that are only in `before`. */
export function differenceOf<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): (readonly [id: string, value: T | undefined])[] {
  const changes: (readonly [string, T | undefined])[] = []
  for (const id of before.keys()) if (!after.has(id)) changes.push([id, undefined])
  for (const [id, value] of after) if (before.get(id) !== value) changes.push([id, value])
  return changes
}
