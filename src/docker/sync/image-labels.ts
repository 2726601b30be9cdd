// Labels of images, read once for each image and kept as long as a container uses it.
import type { Clock } from '../../lib/clock.ts'
import type { ImageRef, ImageReply, Labels } from '../api/types.ts'
import { grantingLabels } from '../model/grants.ts'
import { createWorkQueue } from './work-queue.ts'

export interface ImageLabels {
  /** undefined: not known, so far. */
  labelsOf(image: ImageRef): Labels | undefined
  /** Has it read, unless it is being read, or could not be since the last full list. */
  want(image: ImageRef): void
  /** Resolves when all that are wanted were read or could not be; see DirtySet.settled. */
  settled(patience: number, limit: number): Promise<void>
  /** Forgets all but these, and tries again those of them that could not be read. */
  retain(images: Iterable<ImageRef>): void
  pause(): void
  resume(): void
}

export interface ImageLabelsOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Rejects where it is worth another try. */
  fetch(image: ImageRef): Promise<ImageReply>
  /** Its labels are known now. */
  loaded(image: ImageRef): void
  /** The engine, or a proxy before it, does not let images be asked for. */
  refused(): void
  failed(error: unknown): void
}

export function createImageLabels({
  clock,
  random,
  fetch,
  loaded,
  refused,
  failed,
}: ImageLabelsOptions): ImageLabels {
  const known = new Map<string, Labels>()
  const wanted = new Map<string, ImageRef>()
  /** Keys of those that could not be read, and are not asked for again before the next full list. */
  const unread = new Set<string>()
  let isRefused = false
  const dirty = createWorkQueue({
    ...{ concurrency: 2, debounce: 1, clock, random },
    failed: (_, error) => failed(error),
    async run(key) {
      const image = wanted.get(key)
      if (image === undefined) return
      const reply = await fetch(image)
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
      loaded(image)
    },
  })

  function tryAgain(): void {
    for (const key of unread) dirty.add(key)
    unread.clear()
  }

  /** The others would be refused as well: one of them is asked for at each full list, until one is not refused. */
  function refuse(): void {
    isRefused = true
    for (const key of wanted.keys()) {
      unread.add(key)
      dirty.remove(key)
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
      else dirty.add(key, { urgent: true })
    },
    settled: (patience, limit) => dirty.settled([...wanted.keys()], patience, limit),
    retain(images) {
      const kept = new Map<string, ImageRef>()
      for (const image of images) kept.set(keyOf(image), image)
      for (const key of known.keys()) if (!kept.has(key)) known.delete(key)
      for (const key of wanted.keys()) {
        if (kept.has(key)) continue
        wanted.delete(key)
        unread.delete(key)
        dirty.remove(key)
      }
      const [first] = unread
      if (!isRefused) tryAgain()
      else if (first !== undefined) {
        unread.delete(first)
        dirty.add(first)
      }
    },
    pause: dirty.pause,
    resume: dirty.resume,
  }
}

function keyOf({ id, platform }: ImageRef): string {
  return platform === undefined ? id : `${id} ${platform}`
}
