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

// Who reads what we print may stop reading (`berth names | head`).
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

void main()

// Nothing waits at the top: dist/ is CommonJS, which Node starts sooner.
async function main(): Promise<void> {
  const { run } = await import('./commands/run.ts')
  const code = await run(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    stop: stop.signal,
  })
  // What a pager has not read yet is not lost; a server has waited for its last lines itself, as long as it may.
  if (!['serve', 'worker', 'reader'].includes(name ?? '')) {
    for (const stream of [process.stdout, process.stderr]) {
      await new Promise((resolve) => stream.write('', resolve))
    }
  }
  process.exit(code)
}
