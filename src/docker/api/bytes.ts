// Collects small chunks in few buffers: an engine may send one byte per chunk, and a Buffer costs a hundred times that.

export interface Bytes {
  add(part: Buffer): void
  text(): string
  clear(): void
}

/** Pieces from this many bytes on are kept as they come. */
const large = 4 * 1024

export function createBytes(): Bytes {
  let parts: Buffer[] = []
  /** Small pieces, copied; as long as it must be, and no more than twice that. */
  let small: Buffer = Buffer.alloc(0)
  let used = 0

  function close() {
    if (used > 0) parts.push(small.subarray(0, used))
    small = Buffer.alloc(0)
    used = 0
  }

  return {
    add(part) {
      // The first piece is mostly all there is.
      if (part.length >= large || (parts.length === 0 && used === 0)) {
        close()
        if (part.length > 0) parts.push(part)
        return
      }
      if (used + part.length > small.length) {
        const before = small.subarray(0, used)
        small = Buffer.allocUnsafe(Math.max(large, 2 * (used + part.length)))
        small.set(before)
      }
      small.set(part, used)
      used += part.length
    },
    text() {
      close()
      return parts.length === 1 ? `${parts[0]}` : `${Buffer.concat(parts)}`
    },
    clear() {
      parts = []
      used = 0
    },
  }
}
