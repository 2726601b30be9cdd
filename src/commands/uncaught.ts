// A serving process logs uncaught errors, which are bugs of ours, and goes on serving.
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'

export function logUncaught(log: Logger): void {
  // A closed pipe is no reason to stop, and cannot be logged.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const logAs = (what: string) => (error: unknown) =>
    log.error({ why: explain(error), stack: error instanceof Error ? error.stack : undefined }, what)
  // Node would write these to standard error, and block on its reader.
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ name, why: message }, 'Node.js warning'))
  process.on('unhandledRejection', logAs('unhandled rejection'))
  process.on('uncaughtException', logAs('uncaught exception'))
}
