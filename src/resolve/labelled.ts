// Which names a label does not answer, however it was granted: those that mean something else elsewhere.
import { isDiscoveryName, reservedDomain } from '../registry/granting.ts'
import type { Context } from './decision.ts'
import { hostParts } from './deny-or-forward.ts'
import { findKeptIn } from './local-only.ts'

/**
 * `name` is canonical, without our zone, `isBelowZone` if it was asked for there: no public name is meant then. A wildcard
 * may stand above any name, so it is the name asked for that counts.
 */
export function mayBeLabelled(context: Context, name: string, isBelowZone: boolean): boolean {
  return hostParts(name).every((owner) => {
    if (isDiscoveryName(owner) || reservedDomain(owner) !== undefined) return false
    const kept = findKeptIn(context, owner, true, isBelowZone)
    return kept === undefined || kept === 'above'
  })
}
