// src with one guard taken out, as code that can be called beside the real one.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { BuildOptions, BuildResult } from 'esbuild'
import type { Parts } from './bench.ts'
import type { Guard } from './guards.ts'

// tsx brings it.
const tsx = createRequire(createRequire(import.meta.url).resolve('tsx'))
const esbuild: { build(options: BuildOptions): Promise<BuildResult> } = tsx('esbuild')

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** The file's text without the guard. Throws where what is to be cut is not there exactly once. */
export function cutOut({ id, file, cuts }: Guard): string {
  let text = readFileSync(path(`../../src/${file}`), 'utf8')
  for (const [guard, without] of cuts) {
    const pieces = text.split(guard)
    if (pieces.length !== 2)
      throw new Error(`guard ${id}: "${guard}" is ${pieces.length - 1} times in src/${file}; mend guards.ts`)
    text = pieces.join(without)
  }
  return text
}

export async function loadMutant(guard: Guard): Promise<Parts> {
  const contents = cutOut(guard)
  const { outputFiles } = await esbuild.build({
    ...{ entryPoints: [path('parts.ts')], bundle: true, write: false, logLevel: 'silent' },
    ...{ platform: 'node', format: 'cjs', packages: 'external' },
    plugins: [
      {
        name: 'cut',
        setup(build) {
          const filter = new RegExp(`/src/${guard.file.replaceAll('.', '\\.')}$`)
          build.onLoad({ filter }, () => ({ contents, loader: 'ts' }))
        },
      },
    ],
  })
  const module = { exports: {} }
  const code = outputFiles![0]!.text
  new Function('module', 'exports', 'require', code)(module, module.exports, createRequire(import.meta.url))
  return module.exports as Parts
}
