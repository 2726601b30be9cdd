// What Docker's resolver asks where it knows nothing itself: the name servers in the resolv.conf of the engine's machine.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A loopback address that berth does not listen at as "*:53". */
export const nameserver = '127.0.0.53'

const file = '/etc/resolv.conf'

/** From now on it is `nameserver`, for containers that start. Gives what takes that back. */
export function mountResolvConf(): () => void {
  const mounted = join(mkdtempSync(join(tmpdir(), 'berth-resolv-')), 'resolv.conf')
  writeFileSync(mounted, `nameserver ${nameserver}\n`)
  execFileSync('mount', ['--bind', mounted, file])
  return () => void execFileSync('umount', [file])
}
