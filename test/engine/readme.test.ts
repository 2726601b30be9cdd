// The README's transcript: its commands are taken out, run beside the test project, and print what it says.
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Berth, main, startBerth } from './berth.ts'
import { bringUp, members, takeDown } from './project.ts'
import { transcript } from './transcript.ts'

let berth: Berth

beforeAll(async () => {
  await bringUp()
  berth = await startBerth({})
})

afterAll(async () => {
  await berth?.stop()
  await takeDown()
})

const commands = transcript()

/** The engine gives other addresses each time. */
const masked = (text: string) =>
  text.replace(/\d+\.\d+\.\d+\.\d+/g, 'IPV4').replace(/fd00:beef::\w+/g, 'IPV6')

it('has a transcript', () => expect(commands.length).toBeGreaterThan(3))

it.each(commands)('$command', async ({ command, output }) => {
  const db = (await members()).find(({ container }) => container === 'shop-db-1')!
  const here = command.replace(/^berth /, `"${process.execPath}" "${main}" `).replace(/-x \S+/, `-x ${db.v4}`)
  const env = { PATH: process.env.PATH }
  expect(masked(execFileSync('sh', ['-c', here], { env }).toString().trim())).toBe(masked(output))
})

it('says how to try it, with a line that works when pasted', () => {
  const { try: line } = berth.lines.find(({ msg }) => msg === 'ready') as unknown as { try: string }
  expect(line).toMatch(/^dig @127\.0\.0\.1 -p 1053 /)
  expect(execFileSync('sh', ['-c', `${line} +short`]).toString()).toMatch(/^[\da-f.:]+\n/)
})
