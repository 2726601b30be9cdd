// Reads a file again and again to notice changes, but its content only if its metadata changed. No file watch: that would
// miss replacement by rename, symbolic links and bind mounts.
import { stat } from 'node:fs/promises'
import type { Clock } from './clock.ts'

/** What `read` gives for the file at a path; rejects as that does. */
export type Reread<T> = (path: string) => Promise<T>

export interface RereadOptions<T> {
  readonly read: (path: string) => Promise<T>
  readonly clock: Pick<Clock, 'monotonic'>
  /** A text that changes with the file's metadata; rejects if there is no file. */
  readonly glance?: (path: string) => Promise<string>
}

/** A file's times may be as coarse as this, ms: a second write within it may not show. */
const coarse = 4000
/** Some network and virtual file systems report stale times: a change is noticed after this at the latest, ms. */
const readRarely = 60_000

interface Known<T> {
  readonly mark: string
  readonly content: T
  readonly readAt: number
  /** When its mark last changed, ms. */
  readonly since: number
}

export function createReread<T>({ read, clock, glance = markOf }: RereadOptions<T>): Reread<T> {
  const known = new Map<string, Known<T>>()

  return async (path) => {
    const now = clock.monotonic()
    // Taken before the read: a write in between shows next time.
    const mark = await glance(path)
    const before = known.get(path)
    const isSame = mark === before?.mark
    if (isSame && before.readAt - before.since >= coarse && now - before.readAt < readRarely) {
      return before.content
    }
    known.delete(path)
    const content = await read(path)
    known.set(path, { mark, content, readAt: now, since: isSame ? before.since : now })
    return content
  }
}

/** Identity, size and times of a file. */
async function markOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
}
