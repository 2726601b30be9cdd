// A logger whose lines can be looked at.
import { createLogger } from '../../../src/lib/log.ts'

export function recordingLogger() {
  const lines: { level: string; msg: string; [field: string]: unknown }[] = []
  const log = createLogger({
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  })
  return { log, lines }
}
