// What a process that serves does about mistakes of our own: it says them loudly, and goes on serving.
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'

export function surviveMistakes(log: Logger): void {
  // A log that nobody reads any more (a closed pipe) is no reason to stop, nor one to log about.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const tell = (what: string) => (error: unknown) =>
    log.error({ why: explain(error), stack: error instanceof Error ? error.stack : undefined }, what)
  // Node would write these to standard error, and wait for whoever reads that.
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ name, why: message }, 'Node warns'))
  process.on('unhandledRejection', tell('unhandled rejection'))
  process.on('uncaughtException', tell('uncaught exception'))
}
