// The benchmark's command: what would lose a long run is found before it begins.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../../tools/bench/run.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'berth-bench-run-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Beside an engine that is not private, where it ends instead of measuring. */
function run(...words: string[]): Promise<{ code: number; said: string }> {
  const env = { PATH: process.env.PATH, BERTH_ENGINE: 'another' }
  const node = ['--import', import.meta.resolve('tsx'), program, ...words]
  return new Promise((resolve) => {
    execFile(process.execPath, node, { env, cwd: folder }, (error, _, said) =>
      resolve({ code: Number(error?.code ?? 0), said: said.trim() }),
    )
  })
}

describe('the benchmark', () => {
  it('makes its --out folder before it measures', async () => {
    const { code, said } = await run('peers', '--out', 'new/folder')
    expect([code, said]).toEqual([1, expect.stringMatching(/^bench: this needs network namespaces/)])
    expect(existsSync(join(folder, 'new/folder'))).toBe(true)
  })

  it('does not begin where there can be no such folder', async () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, said } = await run('--out', 'file/below')
    expect([code, said]).toEqual([2, expect.stringMatching(/^bench: --out file\/below: ENOTDIR/)])
  })

  it('does not begin against a folder that can not be run', async () => {
    const { code, said } = await run('--against', 'nowhere', '--out', 'unused')
    expect([code, said]).toEqual([2, expect.stringMatching(/^bench: .*\/nowhere is no checkout of berth/)])
    expect(existsSync(join(folder, 'unused'))).toBe(false)
  })
})
