// Copying within and between messages, most of which are short.

/** From here on the system's own way is the faster one, which takes a view for each copy. */
const long = 128

/** Bytes from `start` to `end` of one message, to `at` of another. */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start >= long) into.set(from.subarray(start, end), at)
  else for (let i = start; i < end; i++) into[at + i - start] = from[i]!
}
