// Top-level domains of the public DNS, as IANA lists them: what ends in one is, for everybody else, a public name.
import { tlds } from '@hapi/tlds'

/** Whether the last label of a canonical name is one; those in other scripts are there as they are on the wire (xn--). */
export function isPublic(name: string): boolean {
  return tlds.has(name.slice(name.lastIndexOf('.') + 1))
}
