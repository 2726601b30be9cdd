// Reads the file of `api.token`, a secret on one line; for the server and for commands that query it.
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { systemCode } from '../lib/errors.ts'

export interface Token {
  readonly text: string
  /** The file's permission bits. */
  readonly mode: number
}

const mostBytes = 4096

/** `problem` never quotes the file. */
export function readToken(file: string): Token | { readonly problem: string } {
  let handle: number
  try {
    // A pipe without a writer must not block.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return { problem: `the file cannot be read: ${reason(systemCode(error))}` }
  }
  try {
    const stats = fstatSync(handle)
    if (!stats.isFile()) return { problem: 'is not a regular file' }
    const buffer = Buffer.alloc(mostBytes + 1)
    const length = readSync(handle, buffer)
    if (length > mostBytes) return { problem: `the file has more than ${mostBytes} bytes` }
    const text = buffer.toString('latin1', 0, length).trim()
    if (text === '') return { problem: 'the file is empty; write a token into it: openssl rand -hex 32' }
    if (!/^[!-~]+$/.test(text)) {
      return { problem: 'the file must hold one word of printable ASCII' }
    }
    return { text, mode: stats.mode & 0o777 }
  } catch (error) {
    return { problem: `the file cannot be read: ${reason(systemCode(error))}` }
  } finally {
    closeSync(handle)
  }
}

/** Kept in place of the token: it cannot be sent, and comparing two reveals nothing. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token, 'latin1').digest('hex')
}

function reason(code: string | undefined): string {
  if (code === 'ENOENT') return 'no such file (api.token names a file, not the token itself)'
  if (code === 'EACCES') return 'permission denied'
  return code ?? 'it failed'
}
