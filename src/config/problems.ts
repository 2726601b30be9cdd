// Formats what is wrong with a configuration: one problem per line, with its place and what to do.
import { BerthError, systemCode } from '../lib/errors.ts'
import { readTextSync } from '../lib/files.ts'
import { lines, printable } from '../lib/printable.ts'
import type { Problem } from './document.ts'

/** Problems shown at once. */
export const mostProblems = 100
/** Characters of one problem, which may quote a value of any length. */
const longestProblem = 500

/** For a section that is not a map. */
export const notMap = 'must be a map of keys with values'

/** One per line, in the file's order. */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, mostProblems)
    .toSorted((a, b) => a.source.localeCompare(b.source, 'en', { numeric: true }))
    .map(formatProblem)
  if (problems.length > mostProblems) lines.push('there are more problems; only the first are shown')
  return lines.join('\n')
}

/** "berth.yml:3:7: scope.gateway: what is wrong; what to do instead" */
function formatProblem({ source, path, message }: Problem): string {
  const keys = path.map((key, i) => {
    if (typeof key === 'number') return `[${key}]`
    return /^[\w-]+$/.test(key) ? `${i === 0 ? '' : '.'}${shortened(key)}` : `["${shortened(key)}"]`
  })
  // A quoted value must not start a line of its own.
  return printable([source, ...(keys.length === 0 ? [] : [keys.join('')]), shortened(message)].join(': '))
}

function shortened(text: string): string {
  if (text.length <= longestProblem) return text
  return `${text.slice(0, longestProblem / 2)} … ${text.slice(-longestProblem / 2)}`
}

/** Throws a BerthError CONFIG that says what to do. */
export function readFile(path: string, most: number, isRegular?: boolean): string {
  try {
    return readTextSync(path, most, isRegular)
  } catch (error) {
    throw new BerthError('CONFIG', lines`${path}: ${reason(systemCode(error), error)}`)
  }
}

/** undefined: no such file. Pipes are not waited for. */
export function readIfThere(path: string, most: number): string | undefined {
  try {
    return readTextSync(path, most, true)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new BerthError('CONFIG', lines`${path}: ${reason(code, error)}`)
  }
}

function reason(code: string | undefined, error: unknown): string {
  if (code === 'ENOENT') return 'cannot be read: no such file'
  if (code === 'EACCES') return 'cannot be read: permission denied'
  if (code === 'EISDIR') return 'cannot be read: it is a directory; name a file in it'
  return `cannot be read: ${(error as Error).message}`
}
