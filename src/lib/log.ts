// The logger: pino's JSON lines for machines, the same lines in words where a person watches a terminal.
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** What berth's rooms are given to log with: `log.info({ fields }, 'message')`. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'> & {
  level: string
}

export interface LogOptions {
  level: Level
  /** What every line says besides. */
  fields?: Record<string, unknown>
  /** Where lines go; default: standard output, written at once. */
  destination?: { write(line: string): unknown; isTTY?: boolean }
}

export function createLogger({ level, fields, destination = process.stdout }: LogOptions): Logger {
  const stream: DestinationStream = destination.isTTY
    ? { write: (line) => void destination.write(humanLine(line)) }
    : { write: (line) => void destination.write(line) }
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

export const silentLogger: Logger = createLogger({ level: 'silent' })

/** One pino line as "12:34:56 warn  message  key=value …"; `text` fields (whole paragraphs) go below. */
export function humanLine(line: string): string {
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line)
  } catch {
    return line
  }
  const { time, level, msg, text, ...fields } = record
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const head = `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${msg}`
  return text === undefined ? `${[head, ...pairs].join('  ')}\n` : `${head}\n${text}\n`
}
