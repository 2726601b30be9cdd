// The logger: pino's JSON lines for machines, the same lines in words where a person watches a terminal.
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import type { Output } from './output.ts'
import { printable, printableLines } from './printable.ts'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** The logger passed to every room: `log.info({ fields }, 'message')`. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'> & {
  level: string
}

export interface LogOptions {
  level: Level
  /** Added to every line. */
  fields?: Record<string, unknown>
  /** Where lines go. `isUrgent`: a warning, or worse. */
  destination: { write(line: string, isUrgent: boolean): unknown; isTTY?: boolean }
}

export function createLogger({ level, fields, destination }: LogOptions): Logger {
  const stream: DestinationStream & { lastLevel: number } = {
    // Makes pino set `lastLevel` before each line.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line) {
      destination.write(
        destination.isTTY ? humanLine(line) : printableLines(line),
        this.lastLevel >= pino.levels.values.warn!,
      )
    },
  }
  return pino(
    {
      level,
      base: fields ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
}

export const silentLogger: Logger = createLogger({ level: 'silent', destination: { write() {} } })

/** Logs to an output; once it can be written again, logs how many lines were lost. */
export function logTo(output: Output, options: Pick<LogOptions, 'level' | 'fields'>): Logger {
  const log = createLogger({ ...options, destination: output })
  output.onLost = (lines) => log.warn({ lines }, 'log lines were lost: the output was not read fast enough')
  return log
}

/**
 * One pino line as "12:34:56 warn  message  key=value …"; `text` fields (whole paragraphs, of printable values) and
 * `stack` go below. Values are escaped: they neither start a line nor control the terminal.
 */
export function humanLine(line: string): string {
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line)
  } catch {
    return printableLines(line)
  }
  const { time, level, msg, text, stack, ...fields } = record
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const head = printable(
    [`${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${msg}`, ...pairs].join('  '),
  )
  const below = [
    ...(text === undefined ? [] : [printableLines(String(text))]),
    ...(stack === undefined
      ? []
      : String(stack)
          .split('\n')
          .map((line) => `    ${printable(line)}`)),
  ]
  return `${[head, ...below].join('\n')}\n`
}
