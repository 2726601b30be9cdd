// Files that are read again and again, to see when they say something else: as long as the system says that one is as it
// was, its content need not be read. It goes by path and content all the same: a file may be replaced by rename, be behind
// symbolic links, or be a bind mount, of none of which a watch on it would tell.
import { stat } from 'node:fs/promises'
import type { Clock } from './clock.ts'

/** What `read` gives of the file at a path; rejects as that does. */
export type Reread<T> = (path: string) => Promise<T>

export interface RereadOptions<T> {
  readonly read: (path: string) => Promise<T>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Differs where the file may; rejects, as does then all of it, where there is none. */
  readonly glance?: (path: string) => Promise<string>
}

/** The times of a file may be as coarse as this, ms: what is written again meanwhile does not show in them. */
const coarse = 4000
/** There are file systems, of networks and of virtual machines, that tell old times: then it is seen after this, ms. */
const readRarely = 60_000

interface Known<T> {
  readonly mark: string
  readonly content: T
  readonly readAt: number
  /** Its mark was another one until then, ms. */
  readonly since: number
}

export function createReread<T>({ read, clock, glance = markOf }: RereadOptions<T>): Reread<T> {
  const known = new Map<string, Known<T>>()

  return async (path) => {
    const now = clock.monotonic()
    // Before it is read: what is written meanwhile shows next time.
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

/** Which file it is, how long, and when it was last changed, in whatever way. */
async function markOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
}
