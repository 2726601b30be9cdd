// What every command has: its surroundings, its exit codes, and how it prints.
import { BerthError } from '../lib/errors.ts'
import { printable, printableLines } from '../lib/printable.ts'

/** What a command is given to work with; what it returns is the exit code. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by the signal that a server is to stop at; its name is the reason. */
  readonly stop: AbortSignal
}

export type Command = (args: string[], io: Io) => Promise<number>

/** Done; failed at run time; bad arguments or configuration. */
export const exit = { done: 0, failed: 1, usage: 2 } as const

/** Whatever is printed through it, JSON too, holds nothing that a terminal obeys or hides. */
export function onTerminal(io: Io): Io {
  return {
    ...io,
    stdout: (text) => io.stdout(printableLines(text)),
    stderr: (text) => io.stderr(printableLines(text)),
  }
}

/** Runs a command's body; problems become a sentence on standard error and an exit code. */
export async function guard(outer: Io, body: (io: Io) => Promise<number>): Promise<number> {
  const io = onTerminal(outer)
  try {
    return await body(io)
  } catch (error) {
    const badArgument = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
    if (!(error instanceof BerthError) && !badArgument) throw error
    const { message } = error as Error
    const isConfig = !badArgument && (error as BerthError).code === 'CONFIG'
    // A configuration's problems are one a line, each of them printable (config/load.ts).
    io.stderr(`${isConfig ? message : printable(message)}\n`)
    return badArgument || isConfig ? exit.usage : exit.failed
  }
}

/** Characters; one cell that is longer does not make all others of its column as long. */
const widest = 256

/** Lines with columns as wide as their widest cell, two spaces between; what is in a cell stays in its line. */
export function columns(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(printable))
  const widths: number[] = rows[0]?.map(() => 0) ?? []
  for (const row of rows) {
    for (const [i, { length }] of row.entries()) {
      if (length <= widest) widths[i] = Math.max(widths[i] ?? 0, length)
    }
  }
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
