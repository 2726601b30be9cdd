#!/usr/bin/env node
// argv → command → exit code. The only place that ends the process.
import { run } from './commands/run.ts'

const stop = new AbortController()
const [name] = process.argv.slice(2)
// Without a handler, PID 1 of a container ignores a signal and any other process dies from it; one may come while the
// command is still being loaded.
if (name === 'serve' || name === 'worker') {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(signal))
  // The configuration has not been read yet: there is nothing to reload.
  process.on('SIGHUP', () => {})
}

// process.stdout is slow to create: it is touched only if something is written.
const used = new Set<NodeJS.WriteStream>()
function print(stream: NodeJS.WriteStream, text: string): void {
  // The reader may close the pipe (`berth names | head`).
  if (!used.has(stream)) stream.on('error', () => {})
  used.add(stream)
  stream.write(text)
}

void main()

// No top-level await: dist/ is CommonJS, which Node starts faster.
async function main(): Promise<void> {
  const code = await run(process.argv.slice(2), {
    stdout: (text) => print(process.stdout, text),
    stderr: (text) => print(process.stderr, text),
    env: process.env,
    stop: stop.signal,
  })
  // Flush what a pager has not read yet; a server has flushed its last lines itself.
  if (!['serve', 'worker', 'reader'].includes(name ?? '')) {
    for (const stream of used) await new Promise((resolve) => stream.write('', resolve))
  }
  process.exit(code)
}
