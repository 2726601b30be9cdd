// The names that an answer leads over: the aliases, where they lead, and whose records are at the end. Pure.
import { readName } from './name.ts'
import type { UpstreamReply } from './relay.ts'
import { type } from './types.ts'

/** Canonical, each once; those of records in the answer section alone. The reply is a well-formed one. */
export function chainOf({ message, records }: UpstreamReply): readonly string[] {
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
