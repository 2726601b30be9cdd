#!/usr/bin/env node
// argv → command → exit code. The only place that ends the process.
import { run } from './commands/run.ts'

const code = await run(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
})
process.exit(code)
