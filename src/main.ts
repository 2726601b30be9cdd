#!/usr/bin/env node
// argv → command → exit code. The only place that ends the process.

const stop = new AbortController()
const [name] = process.argv.slice(2)
// A signal that a container's first process does not listen for is lost, and any other process dies of it: one that comes
// while all the rest is still being loaded has to find somebody.
if (name === 'serve' || name === 'worker') {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(signal))
  // The configuration is yet to be read.
  process.on('SIGHUP', () => {})
}

const { run } = await import('./commands/run.ts')
const code = await run(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
  stop: stop.signal,
})
process.exit(code)
