// What every command shares: its environment, exit codes and output.
import { BerthError } from '../lib/errors.ts'
import { printable, printableLines } from '../lib/printable.ts'

/** What a command works with; it returns the exit code. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by the signal that stops a server; the signal's name is the reason. */
  readonly stop: AbortSignal
}

export type Command = (args: string[], io: Io) => Promise<number>

/** Done; failed at run time; bad arguments or configuration. */
export const exit = { done: 0, failed: 1, usage: 2 } as const

/** Escapes whatever a terminal would obey or hide, in JSON as well. */
export function onTerminal(io: Io): Io {
  return {
    ...io,
    stdout: (text) => io.stdout(printableLines(text)),
    stderr: (text) => io.stderr(printableLines(text)),
  }
}

/** Runs a command's body; a problem becomes a sentence on standard error and an exit code. */
export async function guard(outer: Io, body: (io: Io) => Promise<number>): Promise<number> {
  const io = onTerminal(outer)
  try {
    return await body(io)
  } catch (error) {
    const badArgument = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
    if (!(error instanceof BerthError) && !badArgument) throw error
    const { message } = error as Error
    const isConfig = !badArgument && (error as BerthError).code === 'CONFIG'
    // A configuration's problems are one per line, already escaped (config/problems.ts).
    io.stderr(`${isConfig ? message : printable(message)}\n`)
    return badArgument || isConfig ? exit.usage : exit.failed
  }
}

/** Characters; a longer cell does not widen its column. */
const widest = 256

/** Rows with aligned columns, two spaces apart; a cell never starts a new line. */
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
