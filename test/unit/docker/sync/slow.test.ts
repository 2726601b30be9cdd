// An engine that answers slowly: how long is waited for a list that goes on coming, and for one that does not.

import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createHttpClient } from '../../../../src/docker/api/http-client.ts'
import { createHandClock } from '../../../hand-clock.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A stream of a body whose start has come. */
async function open(isWhole: boolean) {
  const path = join(mkdtempSync(join(tmpdir(), 'berth-slow-')), 'engine.sock')
  let response: ServerResponse
  const server = createServer((_, answer) => {
    response = answer
    answer.write('[')
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const { clock, turn } = createHandClock()
  const address = { kind: 'unix', path, text: path } as const
  const getter = createHttpClient({ address, clock, most: 1 })
  closing.push(
    getter.close,
    () => server.close(),
    () => server.closeAllConnections(),
  )
  const body = await getter.stream('/list', 'list', 1_000, { isWhole })
  const failed = new Promise<Error>((resolve) => body.once('error', resolve))
  let text = ''
  body.on('data', (chunk: Buffer) => {
    text += chunk
  })
  const come = async (more: string) => {
    const whole = text.length + more.length
    response.write(more)
    while (text.length < whole) await once(body, 'data')
  }
  return { body, failed, come, turn, text: () => text, end: () => response.end(']') }
}

it('a list is waited for as long as it comes', async () => {
  const { come, turn, text, end, body } = await open(true)
  for (let i = 0; i < 5; i++) {
    await come('1,')
    turn(1_000)
  }
  const ended = once(body, 'end')
  end()
  await ended
  expect(text()).toBe('[1,1,1,1,1,]')
})

it.each([
  ['not at all', 1, 2],
  ['byte by byte', 100, 6],
])('a list that comes %s is given up', async (_, pieces, seconds) => {
  const { come, turn, failed, body } = await open(true)
  let waited = 0
  while (!body.destroyed) {
    if (waited < pieces) await come('1')
    turn(1_000)
    waited++
  }
  expect((await failed).message).toContain(`gave no answer in ${seconds} s (list)`)
  expect(waited).toBe(seconds)
})

it('a stream of events may be silent for ever', async () => {
  const { body, turn, come } = await open(false)
  turn(1_000_000)
  await come('x')
  expect(body.destroyed).toBe(false)
})
