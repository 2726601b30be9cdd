// Which names a label does not answer, however it was granted: those that mean something else elsewhere.
import { isDiscoveryName } from '../registry/granting.ts'
import type { Context } from './decision.ts'
import { isElsewhere } from './policy.ts'

/** `name` is canonical, without our zone. A wildcard may stand above any name, so it is the name asked for that counts. */
export function mayBeLabelled(context: Context, name: string): boolean {
  return !isDiscoveryName(name) && !isElsewhere(context, name)
}
