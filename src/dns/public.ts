// Top-level domains of the public DNS, as IANA lists them: a name that ends in one is public to everyone else.
import { tlds } from '@hapi/tlds'

/** Whether the last label of a canonical name is a public top-level domain; other scripts are listed as xn--. */
export function isPublic(name: string): boolean {
  return tlds.has(name.slice(name.lastIndexOf('.') + 1))
}
