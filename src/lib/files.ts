// Reads files written by others, within bounds: they may have any size, never end, or not be regular files.
import { closeSync, constants, fstatSync, openSync, promises, readSync } from 'node:fs'

const tooLarge = (most: number, size?: number) =>
  new Error(`it is larger than ${most} bytes${size === undefined ? '' : `: ${size}`}; is it the right file?`)

/**
 * A file's text, without byte order mark. Throws as node:fs does, and if it has more than `most` bytes.
 * `isRegular`: only a regular file is read, so a pipe without a writer never blocks.
 */
export function readTextSync(path: string, most: number, isRegular = false): string {
  const fd = openSync(path, constants.O_RDONLY | (isRegular ? constants.O_NONBLOCK : 0))
  try {
    const status = fstatSync(fd)
    if (isRegular && !status.isFile() && !status.isDirectory()) throw new Error('it is not a regular file')
    if (status.isFile() && status.size > most) throw tooLarge(most, status.size)
    // Pipes, /proc and devices have no size: they are read to their end, or until they are too large.
    let bytes = Buffer.allocUnsafe((status.isFile() ? status.size : 0) + 4096)
    let length = 0
    for (;;) {
      const read = readSync(fd, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
      if (length > most) throw tooLarge(most)
      if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(2 * length, most + 1))
    }
    return bytes.toString('utf8', 0, length).replace(/^\uFEFF/, '')
  } finally {
    closeSync(fd)
  }
}

/** The bytes of a regular file, at most `most`. Rejects as node:fs does, and for anything else; never waits for a writer. */
export async function readBytes(path: string, most: number): Promise<Buffer> {
  const file = await promises.open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await file.stat()
    if (status.isDirectory()) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' })
    if (!status.isFile()) throw new Error('it is not a regular file')
    if (status.size > most) throw tooLarge(most, status.size)
    const bytes = Buffer.allocUnsafe(status.size + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
      length += bytesRead
      if (bytesRead === 0) return bytes.subarray(0, length)
      // It is still growing.
      if (length === bytes.length) return bytes.subarray(0, length - 1)
    }
  } finally {
    await file.close()
  }
}
