// The labels that images have of their own, read once for each image and kept for as long as a container has it.
import type { Clock } from '../../lib/clock.ts'
import { grantingLabels, type ImageRef, type Labels } from '../model/grants.ts'
import { createDirtySet } from './work-queue.ts'

/** What asking for an image comes to: its labels; it is not there any more; or it may not be asked for. */
export type ImageReply = Labels | 'gone' | 'refused'

export interface Images {
  /** undefined: not known, so far. */
  labelsOf(image: ImageRef): Labels | undefined
  /** Has it read, unless it is being read, or could not be since the last full list. */
  want(image: ImageRef): void
  /** Resolves when all that are wanted were read or could not be; see DirtySet.settled. */
  settled(patience: number, limit: number): Promise<void>
  /** Forgets all but these, and tries again those of them that could not be read. */
  keep(images: Iterable<ImageRef>): void
  hold(): void
  resume(): void
}

export interface ImagesOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Rejects where it is worth another try. */
  ask(image: ImageRef): Promise<ImageReply>
  /** Its labels are known now. */
  read(image: ImageRef): void
  /** The engine, or a proxy before it, does not let images be asked for. */
  refused(): void
  failed(error: unknown): void
}

export function createImages({ clock, random, ask, read, refused, failed }: ImagesOptions): Images {
  const known = new Map<string, Labels>()
  const wanted = new Map<string, ImageRef>()
  /** Keys of those that could not be read, and are not asked for again before the next full list. */
  const unread = new Set<string>()
  let isRefused = false
  const dirty = createDirtySet({
    ...{ atOnce: 2, debounce: 1, clock, random },
    failed: (_, error) => failed(error),
    async look(key) {
      const image = wanted.get(key)
      if (image === undefined) return
      const reply = await ask(image)
      if (wanted.get(key) !== image) return
      if (typeof reply === 'string') {
        unread.add(key)
        if (reply === 'refused') refuse()
        return
      }
      wanted.delete(key)
      known.set(key, grantingLabels(reply))
      if (isRefused) tryAgain()
      isRefused = false
      read(image)
    },
  })

  function tryAgain(): void {
    for (const key of unread) dirty.mark(key)
    unread.clear()
  }

  /** The others would be refused as well: one of them is asked for at each full list, until one is not refused. */
  function refuse(): void {
    isRefused = true
    for (const key of wanted.keys()) {
      unread.add(key)
      dirty.forget(key)
    }
    refused()
  }

  return {
    labelsOf: (image) => known.get(keyOf(image)),
    want(image) {
      const key = keyOf(image)
      if (known.has(key) || unread.has(key) || wanted.has(key)) return
      wanted.set(key, image)
      if (isRefused) unread.add(key)
      else dirty.mark(key, { urgent: true })
    },
    settled: (patience, limit) => dirty.settled([...wanted.keys()], patience, limit),
    keep(images) {
      const kept = new Map<string, ImageRef>()
      for (const image of images) kept.set(keyOf(image), image)
      for (const key of known.keys()) if (!kept.has(key)) known.delete(key)
      for (const key of wanted.keys()) {
        if (kept.has(key)) continue
        wanted.delete(key)
        unread.delete(key)
        dirty.forget(key)
      }
      const [first] = unread
      if (!isRefused) tryAgain()
      else if (first !== undefined) {
        unread.delete(first)
        dirty.mark(first)
      }
    },
    hold: dirty.hold,
    resume: dirty.resume,
  }
}

function keyOf({ id, platform }: ImageRef): string {
  return platform === undefined ? id : `${id} ${platform}`
}
