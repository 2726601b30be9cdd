// `npm run fuzz` for ten seconds and a thousand packets a side, with another seed each day: a failure tells the seed and the packet. In a
// process of its own, for what a packet costs is told of the code as it is, not as the test runner loads it.
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const tsx = createRequire(import.meta.url).resolve('tsx/cli')
const script = fileURLToPath(new URL('fuzz.ts', import.meta.url))
const seed = Math.floor(Date.now() / 86_400_000)

async function run(...args: string[]) {
  const ended = promisify(execFile)(process.execPath, [tsx, script, ...args])
  return ended.then(
    ({ stdout }) => ({ code: 0, told: stdout }),
    (error) => ({ code: error.code as number, told: `${error.stdout}${error.stderr}` }),
  )
}

it.each(['questions', 'replies'])(
  `mutated %s are survived (seed ${seed})`,
  async (side) => {
    const { code, told } = await run(
      '--seed',
      String(seed),
      '--seconds',
      '10',
      '--least',
      '1000',
      '--side',
      side,
    )
    console.log(told)
    expect(told).toMatch(new RegExp(`^${side}: [0-9]{4,} packets`, 'm'))
    expect(code).toBe(0)
  },
  240_000,
)

it('says how it is called', async () => {
  expect(await run('--side', 'neither')).toMatchObject({
    code: 2,
    told: expect.stringContaining('--seconds'),
  })
})
