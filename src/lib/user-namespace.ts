// Whether this process is in a user namespace of its own, as rootless engines and their containers are (user_namespaces(7)).
import { readFileSync } from 'node:fs'

/** `uidMap`: /proc/self/uid_map, where each line is "first id inside, first id outside, how many"; '' if there is none. */
export function isAllOfMachine(uidMap: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(uidMap)
}

/** True if this is unknown. */
export function mayBeInUserNamespace(): boolean {
  try {
    return !isAllOfMachine(readFileSync('/proc/self/uid_map', 'latin1'))
  } catch {
    return true
  }
}
