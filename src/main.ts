#!/usr/bin/env node
// argv → command → exit code. The only place that ends the process.
import { run } from './commands/run.ts'

const stop = new AbortController()
const [name] = process.argv.slice(2)
// A signal that a container's first process does not listen for is lost, and any other process dies of it: one that comes
// while its command is still being loaded has to find somebody.
if (name === 'serve' || name === 'worker') {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(signal))
  // The configuration is yet to be read.
  process.on('SIGHUP', () => {})
}

// To make a stream of standard output takes Node a while: what is never written to is not made.
const used = new Set<NodeJS.WriteStream>()
function print(stream: NodeJS.WriteStream, text: string): void {
  // Who reads what we print may stop reading (`berth names | head`).
  if (!used.has(stream)) stream.on('error', () => {})
  used.add(stream)
  stream.write(text)
}

void main()

// Nothing waits at the top: dist/ is CommonJS, which Node starts sooner.
async function main(): Promise<void> {
  const code = await run(process.argv.slice(2), {
    stdout: (text) => print(process.stdout, text),
    stderr: (text) => print(process.stderr, text),
    env: process.env,
    stop: stop.signal,
  })
  // What a pager has not read yet is not lost; a server has waited for its last lines itself, as long as it may.
  if (!['serve', 'worker', 'reader'].includes(name ?? '')) {
    for (const stream of used) await new Promise((resolve) => stream.write('', resolve))
  }
  process.exit(code)
}
