// A profile of the bundle, told by the files of src/ that it was put together from.
import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { CpuProfile } from './cpuprofile.ts'

/** Frames of dist/ with the file that they come from in its place: "…/dist/net/linux/libc.js" for src/net/linux/libc.ts. */
export function bySources(profile: CpuProfile, read = readMap): CpuProfile {
  const maps = new Map<string, SourceMap | undefined>()
  const sourceOf = (url: string, line: number, column: number): string => {
    if (!maps.has(url)) maps.set(url, read(url))
    const entry = maps.get(url)?.findEntry(line, column)
    const source = entry !== undefined && 'originalSource' in entry ? entry.originalSource : undefined
    const [, own] = /(?:^|\/)src\/(.*)\.ts$/.exec(source ?? '') ?? []
    if (own !== undefined) return `file:///dist/${own}.js`
    return source?.includes('node_modules/') ? `file:///${source.replace(/^(\.\.\/)+/, '')}` : url
  }
  const nodes = profile.nodes.map((node) => {
    const { url, lineNumber = 0, columnNumber = 0 } = node.callFrame
    if (!/\/dist\/[^/]+\.js$/.test(url)) return node
    return { ...node, callFrame: { ...node.callFrame, url: sourceOf(url, lineNumber, columnNumber) } }
  })
  return { ...profile, nodes }
}

function readMap(url: string): SourceMap | undefined {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  try {
    return new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')))
  } catch {
    return undefined
  }
}
