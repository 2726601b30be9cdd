// Reading the configuration in another process: what is made of its answers, and of its end.
import { describe, expect, it } from 'vitest'
import { readInChild } from '../../../src/commands/read-in-child.ts'
import type { FromReader, ToReader } from '../../../src/commands/reader.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { readingOf, takeApart } from '../../../src/config/reading.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { createHandClock } from '../../hand-clock.ts'

function read() {
  const hand = createHandClock()
  const said: ToReader[] = []
  let killed = 0
  let say: (message: FromReader) => void = () => {}
  let die: (why: string) => void = () => {}
  const reading = readInChild(
    ({ onMessage, onEnd }) => {
      say = onMessage
      die = onEnd
      return { pid: 1, send: (message) => void said.push(message), kill: () => void killed++ }
    },
    hand.clock,
    { file: 'berth.yml', env: {}, flags: {} },
  )
  const settled = reading.catch((error: unknown) => error)
  return {
    ...hand,
    said,
    settled,
    say: (message: FromReader) => say(message),
    die: (why: string) => die(why),
    killed: () => killed,
  }
}

const hosts = Array.from({ length: 600 }, (_, i) => `h${i}.test: 192.0.2.1`)
const whole = readingOf(loadConfig({ env: {}, flags: { hosts: `{${hosts}}` }, parseEngineAddress }))

describe('the process that reads', () => {
  it('is asked for each part by itself, between which others have their turn, and ended', async () => {
    const { said, say, settled, killed, pending } = read()
    const { rest, parts } = takeApart(whole.config)
    expect(said).toMatchObject([{ kind: 'read', sources: { file: 'berth.yml' } }])
    say({ kind: 'read', reading: { ...whole, config: rest } })
    expect(parts).toHaveLength(3)
    for (const [i, part] of parts.entries()) {
      expect(said).toHaveLength(2 + i)
      say({ kind: 'part', part })
      expect(said).toHaveLength(2 + i)
      await new Promise((resolve) => setImmediate(resolve))
    }
    say({ kind: 'end' })
    expect(await settled).toEqual(whole)
    expect([killed(), pending()]).toEqual([1, 0])
  })

  it('that ends is a configuration refused', async () => {
    const { die, settled, pending } = read()
    die('it was ended by SIGABRT')
    expect(await settled).toMatchObject({
      code: 'CONFIG',
      message:
        'berth.yml: cannot be read: the process reading it ended: it was ended by SIGABRT; try "berth check"',
    })
    expect(pending()).toBe(0)
  })

  it('that ends half-way is one too', async () => {
    const { say, die, settled } = read()
    say({ kind: 'read', reading: whole })
    die('it was ended by SIGKILL')
    expect(await settled).toMatchObject({ code: 'CONFIG' })
  })

  it('that takes too long is ended', async () => {
    const { turn, settled, killed } = read()
    turn(59_999)
    expect(killed()).toBe(0)
    turn(1)
    expect(await settled).toMatchObject({
      code: 'CONFIG',
      message: 'berth.yml: cannot be read: reading it takes longer than 60 s; try "berth check"',
    })
    expect(killed()).toBe(1)
  })

  it('tells what is wrong, and our own mistakes as such', async () => {
    const wrong = read()
    wrong.say({ kind: 'refused', problems: 'a\nb', isConfig: true })
    expect(await wrong.settled).toMatchObject({ code: 'CONFIG', message: 'a\nb' })
    const broken = read()
    broken.say({ kind: 'refused', problems: 'x is not a function', isConfig: false })
    expect(await broken.settled).not.toHaveProperty('code')
  })
})
