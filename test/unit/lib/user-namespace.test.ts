// Whether a process is in a user namespace of its own, by /proc/self/uid_map.
import { expect, it } from 'vitest'
import { isAllOfMachine } from '../../../src/lib/user-namespace.ts'

it.each([
  ['the machine', '         0          0 4294967295\n', true],
  [
    'podman unshare, by user 1500',
    '         0       1500          1\n         1     100000      65536\n',
    false,
  ],
  ['an unprivileged container', '         0     100000      65536\n', false],
  ['no such file', '', false],
])('%s', (_, uidMap, is) => {
  expect(isAllOfMachine(uidMap)).toBe(is)
})
