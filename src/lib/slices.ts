// Long work in slices, so that the event loop runs in between.

/** Items per slice; each takes a few microseconds at most. */
const sliceSize = 250

/** Resolves once `each` was called with every item, in order. */
export async function inSlices<T>(items: readonly T[], each: (item: T) => void): Promise<void> {
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % sliceSize === 0) await new Promise((resolve) => setImmediate(resolve))
    each(item)
  }
}
