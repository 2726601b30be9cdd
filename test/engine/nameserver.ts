// What Docker's resolver asks where it knows nothing itself: the name servers in the resolv.conf of the engine's machine.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateEngine } from './engine.ts'
import { holderFile } from './podman.ts'

/** A loopback address that berth does not listen at as "*:53". */
export const nameserver = '127.0.0.53'

const file = '/etc/resolv.conf'

/** From now on it is `nameserver`, for containers that start. Gives what takes that back. */
export function mountResolvConf(): () => void {
  const mounted = join(mkdtempSync(join(tmpdir(), 'berth-resolv-')), 'resolv.conf')
  writeFileSync(mounted, `nameserver ${nameserver}\n`)
  // A private Podman sees files of its own.
  const engine = privateEngine()
  const places = engine?.isPodman
    ? [[], ['nsenter', '--target', readFileSync(holderFile(engine.state), 'utf8'), '--mount']]
    : [[]]
  const each = (...words: string[]) => {
    for (const place of places) {
      const [command, ...args] = [...place, ...words] as [string, ...string[]]
      execFileSync(command, args)
    }
  }
  each('mount', '--bind', mounted, file)
  return () => each('umount', file)
}
