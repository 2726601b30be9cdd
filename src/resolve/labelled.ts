// Which names a label may not take, however it was granted: names that mean something else somewhere.
import { splitName } from '../dns/name.ts'
import type { Context } from './decision.ts'
import { isElsewhere } from './policy.ts'

/** Names that programs look up by themselves to be told where to send everything (RFC 3040, 6.4; ISATAP, RFC 5214). */
export const discoveryNames: readonly string[] = ['wpad', 'isatap']

/** `name` is canonical, without our zone: below a wildcard it is more than the label says. */
export function mayBeLabelled(context: Context, name: string): boolean {
  const [first = ''] = splitName(name)
  return !discoveryNames.includes(first) && !isElsewhere(context, name)
}
