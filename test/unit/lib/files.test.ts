// Reading files that others write, within bounds.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readBytes, readTextSync } from '../../../src/lib/files.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-files-'))
const path = join(directory, 'file')
afterAll(() => rmSync(directory, { recursive: true }))

it.each([0, 1, 4095, 4096, 4097, 100_000])('%i bytes are read whole', async (length) => {
  const text = 'ü'.repeat(length / 2) + 'x'.repeat(length % 2)
  writeFileSync(path, text)
  expect(readTextSync(path, 100_000)).toBe(text)
  expect((await readBytes(path, 100_000)).toString()).toBe(text)
})

it('with one byte more than it may have it is refused', async () => {
  writeFileSync(path, 'x'.repeat(11))
  expect(() => readTextSync(path, 10)).toThrow('it is larger than 10 bytes: 11')
  await expect(readBytes(path, 10)).rejects.toThrow('it is larger than 10 bytes: 11')
})

it('what has no end is refused, and what has no size is read', () => {
  expect(() => readTextSync('/dev/zero', 1 << 20)).toThrow('it is larger than 1048576 bytes')
  expect(readTextSync('/proc/self/status', 1 << 20)).toMatch(/^Name:/)
})

it('nobody waits for whoever writes into a pipe, nor reads what is no file', async () => {
  execFileSync('mkfifo', [join(directory, 'pipe')])
  mkdirSync(join(directory, 'folder'))
  await expect(readBytes(join(directory, 'pipe'), 10)).rejects.toThrow('it is not a regular file')
  await expect(readBytes(join(directory, 'folder'), 10)).rejects.toMatchObject({ code: 'EISDIR' })
  await expect(readBytes('/dev/zero', 10)).rejects.toThrow('it is not a regular file')
  expect(() => readTextSync(join(directory, 'pipe'), 10, true)).toThrow('it is not a regular file')
  expect(() => readTextSync(join(directory, 'folder'), 10, true)).toThrow('EISDIR')
  expect(() => readTextSync('/dev/zero', 10, true)).toThrow('it is not a regular file')
  expect(readTextSync('/proc/self/status', 1 << 20, true)).toMatch(/^Name:/)
  await expect(readBytes(join(directory, 'none'), 10)).rejects.toMatchObject({ code: 'ENOENT' })
})
