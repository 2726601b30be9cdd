// Runs a command as the program does, and gives what it printed.
import type { Command } from '../../../src/commands/io.ts'

export async function call(run: Command, args: string[], env: Record<string, string> = {}) {
  let [stdout, stderr] = ['', '']
  const code = await run(args, {
    stdout: (text) => {
      stdout += text
    },
    stderr: (text) => {
      stderr += text
    },
    env,
    stop: new AbortController().signal,
  })
  return { code, stdout, stderr }
}
