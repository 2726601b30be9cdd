// Files that are looked at again and again: read where they may say something else, and not otherwise.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createReread } from '../../../src/lib/reread.ts'
import { createHandClock } from '../../hand-clock.ts'

/** Looks every two seconds, as whoever follows a file does. */
function follow(glance?: (path: string) => Promise<string>, content = () => 'x') {
  const hand = createHandClock()
  const seen = { reads: 0 }
  const reread = createReread({
    clock: hand.clock,
    read: async () => {
      seen.reads++
      return content()
    },
    ...(glance === undefined ? {} : { glance }),
  })
  const look = async (times = 1) => {
    let told = ''
    for (let i = 0; i < times; i++) {
      told = await reread('/f')
      hand.turn(2_000)
    }
    return told
  }
  return { seen, look }
}

describe('what the system says of a file', () => {
  it('is enough, while it says the same: in a minute the file is read three times', async () => {
    const { seen, look } = follow(async () => 'mark')
    await look(30)
    expect(seen.reads).toBe(3)
  })

  it('is not enough for 4 s after a change, for its times may be coarse', async () => {
    let mark = '1'
    let text = 'a'
    const { seen, look } = follow(
      async () => mark,
      () => text,
    )
    await look(10)
    mark = '2'
    text = 'b'
    expect(await look()).toBe('b')
    // Within the same tick of the file's clock.
    text = 'c'
    expect(await look()).toBe('c')
    const { reads } = seen
    await look(10)
    expect(seen.reads).toBe(reads + 1)
  })

  it('is not believed for longer than a minute', async () => {
    let text = 'a'
    const { look } = follow(
      async () => 'mark',
      () => text,
    )
    await look(10)
    text = 'b'
    expect(await look(20)).toBe('a')
    expect(await look(10)).toBe('b')
  })

  it('is told where there is nothing to say, and what comes then is read', async () => {
    let isThere = true
    const gone = Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
    const { seen, look } = follow(async () => {
      if (!isThere) throw gone
      return 'mark'
    })
    await look(5)
    const { reads } = seen
    isThere = false
    await expect(look()).rejects.toBe(gone)
    isThere = true
    await look()
    expect(seen.reads).toBe(reads)
  })
})

it('what can not be read is tried again each time, though it has not changed', async () => {
  let isReadable = false
  const { seen, look } = follow(
    async () => 'mark',
    () => {
      if (!isReadable) throw new Error('EACCES')
      return 'x'
    },
  )
  for (let i = 0; i < 3; i++) await expect(look()).rejects.toThrow('EACCES')
  expect(seen.reads).toBe(3)
  isReadable = true
  expect(await look()).toBe('x')
})

describe('a real file', () => {
  it.each([
    ['written', (file: string) => writeFileSync(file, 'new')],
    [
      'replaced by rename',
      (file: string) => {
        writeFileSync(`${file}.new`, 'new')
        renameSync(`${file}.new`, file)
      },
    ],
    [
      'behind a link that leads elsewhere now',
      (file: string, folder: string) => {
        mkdirSync(join(folder, 'b'))
        writeFileSync(join(folder, 'b', 'f'), 'new')
        rmSync(file)
        symlinkSync(join(folder, 'b', 'f'), file)
      },
    ],
  ])('that is %s is read at the next look', async (_name, change) => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-reread-'))
    const file = join(folder, 'f')
    mkdirSync(join(folder, 'a'))
    writeFileSync(join(folder, 'a', 'f'), 'old')
    symlinkSync(join(folder, 'a', 'f'), file)
    const { clock, turn } = createHandClock()
    const reread = createReread({ clock, read: (path) => readFile(path, 'utf8') })
    for (let look = 0; look < 5; look++, turn(2_000)) expect(await reread(file)).toBe('old')
    change(file, folder)
    expect(await reread(file)).toBe('new')
  })
})
