// Which names a label does not answer, however it was granted: those that mean something else elsewhere.
import { isDiscoveryName } from '../registry/granting.ts'
import type { Context } from './decision.ts'
import { findKeptIn } from './kept-in.ts'
import { hostPart } from './policy.ts'

/** `name` is canonical, without our zone. A wildcard may stand above any name, so it is the name asked for that counts. */
export function mayBeLabelled(context: Context, name: string): boolean {
  const owner = hostPart(name)
  return !isDiscoveryName(owner) && findKeptIn(context, owner, true) === undefined
}
