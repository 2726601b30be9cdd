// Compiles the C parts of the benchmark with gcc: the floor, and what is loaded into dnsperf.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Native {
  readonly floor: string
  readonly askers: string
}

const source = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Puts both into `folder`. Throws with gcc's words where they don't compile. */
export function buildNative(folder: string): Native {
  const [floor, askers] = [join(folder, 'floor'), join(folder, 'askers.so')]
  const gcc = (...words: string[]) => execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', ...words])
  gcc('-o', floor, source('floor.c'))
  gcc('-shared', '-fPIC', '-o', askers, source('askers.c'), '-ldl')
  return { floor, askers }
}
