// Parses a configuration file: its values, and the line and column of each.
import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { parseYaml } from './yaml.ts'

/** Keys and list indexes from the top. */
export type Path = readonly (string | number)[]

export interface Problem {
  /** "berth.yml:3:7", "environment BERTH_TTL", "flag --ttl". */
  readonly source: string
  readonly path: Path
  readonly message: string
}

export interface ConfigDocument {
  readonly tree: Record<string, unknown>
  readonly problems: readonly Problem[]
  /** "FILE:LINE:COLUMN" of a value or its key; of the parent if it does not exist. */
  locate(path: Path, part: 'key' | 'value'): string
}

export function readDocument(text: string, file: string): ConfigDocument {
  const { value, document, errors, lines } = parseYaml(text)
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`
  }
  const problems: Problem[] = errors.map(({ offset, message }) => ({ source: at(offset), path: [], message }))
  const locate = (path: Path, part: 'key' | 'value') =>
    at(offsetOf(document?.contents as Node | null, path, part, (alias) => document?.get(alias, true) as Node))

  let tree = value
  if (tree !== null && tree !== undefined && (typeof tree !== 'object' || Array.isArray(tree))) {
    const message = 'must hold keys with values; for example "zone: docker.internal"'
    problems.push({ source: locate([], 'value'), path: [], message })
    tree = {}
  }
  return { tree: (tree ?? {}) as Record<string, unknown>, problems, locate }
}

function offsetOf(
  root: Node | null,
  path: Path,
  part: 'key' | 'value',
  resolve: (alias: string) => Node | undefined,
): number {
  let node = root
  let offset = node?.range?.[0] ?? 0
  for (const [i, key] of path.entries()) {
    if (isAlias(node)) node = resolve(node.source) ?? node
    const last = i === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key: name }) => String(isScalar(name) ? name.value : name) === String(key),
      )
      if (pair === undefined) return offset
      const keyOffset = (pair.key as Node).range?.[0] ?? offset
      node = (pair.value ?? null) as Node | null
      offset = last && part === 'key' ? keyOffset : valueOffset(node, keyOffset)
    } else if (isSeq(node)) {
      node = (node.items[Number(key)] ?? null) as Node | null
      offset = valueOffset(node, offset)
    } else return offset
  }
  return offset
}

/** An empty value has no position, so its key's is used. */
function valueOffset(node: Node | null, otherwise: number): number {
  if (node === null || (isScalar(node) && node.value === null && node.source === '')) return otherwise
  return node.range?.[0] ?? otherwise
}
