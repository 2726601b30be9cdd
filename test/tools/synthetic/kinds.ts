// Pure: what an answer of the API is made of, for comparing a synthetic engine's with a real one's.

/** Objects with keys of the user's choosing, by the name of the field that holds them. */
const dictionaries = ['Networks', 'Labels', 'ExposedPorts', 'Ports', 'Containers', 'Attributes', 'Options']

/** "State.Running" → "boolean" and so on, over all of `samples`; `*` stands for any key and any item. */
export function kindsOf(samples: readonly unknown[]): Map<string, Set<string>> {
  const kinds = new Map<string, Set<string>>()
  const look = (value: unknown, path: string, field: string) => {
    const isList = Array.isArray(value)
    const kind = value === null ? 'null' : isList ? 'list' : typeof value
    if (path !== '') kinds.set(path, (kinds.get(path) ?? new Set()).add(kind))
    if (value === null || typeof value !== 'object') return
    for (const [key, each] of Object.entries(value)) {
      const step = isList || dictionaries.includes(field) ? '*' : key
      look(each, path === '' ? step : `${path}.${step}`, key)
    }
  }
  for (const sample of samples) look(sample, '', '')
  return kinds
}
