// CNAME chains in a raw reply (RFC 1034, 3.6.2). Pure.
import { readName } from './name.ts'
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** Longer chains are cut here. */
const mostLinks = 16

export function isChain({ records }: UpstreamReply): boolean {
  for (const { section, type: code } of records) {
    if (section !== 'answer') return false
    if (code === type.CNAME) return true
  }
  return false
}

/** From the canonical `name` to the end of its chain, which is the name that NXDOMAIN denies (RFC 6604, 2.1). */
export function readChain({ message, records }: UpstreamReply, name: string): readonly string[] {
  const chain = [name]
  const links = records.filter(({ section, type: code }) => section === 'answer' && code === type.CNAME)
  if (links.length === 0) return chain
  const targets = new Map<string | undefined, string | undefined>()
  for (const { start, dataAt } of links.slice(0, mostLinks)) {
    targets.set(readName(message, start), readName(message, dataAt))
  }
  for (let next = targets.get(name); next !== undefined && !chain.includes(next); next = targets.get(next)) {
    chain.push(next)
  }
  return chain
}

/** The canonical names in the answer section of a well-formed reply, each once. */
export function namesInAnswer({ message, records }: UpstreamReply): readonly string[] {
  const names = new Set<string>()
  for (const { section, start, dataAt, type: code } of records) {
    if (section !== 'answer') break
    for (const at of code === type.CNAME ? [start, dataAt] : [start]) {
      const name = readName(message, at)
      if (name !== undefined) names.add(name)
    }
  }
  return [...names]
}
