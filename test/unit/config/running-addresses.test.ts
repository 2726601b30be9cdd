// Where questions are answered, found the short way: the same as the long one tells, or told by it.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddresses, loadListen } from '../../../src/config/running-addresses.ts'

const folder = mkdtempSync(join(tmpdir(), 'berth-addresses-'))
const file = join(folder, 'berth.yml')

describe('where questions are answered', () => {
  it.each([
    ['', {}],
    ['# nothing\n', {}],
    ['listen: "*:53"\n', {}],
    ['listen: [10.0.0.1, "[::1]:54"]\nttl: x\n', {}],
    ['listen: "*:53"\n', { BERTH_LISTEN: '127.0.0.1:99, ::1' }],
    ['', { BERTH_LISTEN: '["127.0.0.1:99"]' }],
    ['listen: "*:53"\n', { BERTH_LISTEN: ' ' }],
  ])('%j with %j is what the long way tells', async (text, env) => {
    writeFileSync(file, text)
    expect(await loadListen({ file, env, flags: {} })).toEqual(
      (await loadAddresses({ file, env, flags: {} })).listen,
    )
  })

  it('is known whatever is wrong with a file that does not say it', async () => {
    const env = { BERTH_LISTEN: '*:53' }
    expect(await loadListen({ file: join(folder, 'none'), env, flags: {} })).toEqual([
      { host: '*', port: 53 },
    ])
  })

  it('is a problem with its place where it is wrong', async () => {
    writeFileSync(file, '# nothing\n')
    const env = { BERTH_LISTEN: 'nowhere:53' }
    await expect(loadListen({ file, env, flags: {} })).rejects.toThrow(
      /^environment BERTH_LISTEN: listen: "nowhere" is not an IP address/,
    )
    await expect(loadListen({ file: join(folder, 'none'), env: {}, flags: {} })).rejects.toThrow(
      /no such file/,
    )
    writeFileSync(file, 'listen: [::1\n')
    await expect(loadListen({ file, env: {}, flags: {} })).rejects.toThrow(/berth\.yml:\d+:\d+: is not YAML/)
    writeFileSync(file, 'api: 5\n')
    await expect(loadListen({ file, env: {}, flags: {} })).rejects.toThrow(/api: must be a map/)
  })
})
