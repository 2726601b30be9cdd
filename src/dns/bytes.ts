// Copying within and between messages, most of which are short.

/** From this length on `set` is faster, although it needs a view for each copy. */
const long = 128

/** Copies the bytes from `start` to `end` of one message to `at` in another. */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start >= long) into.set(from.subarray(start, end), at)
  else for (let i = start; i < end; i++) into[at + i - start] = from[i]!
}
