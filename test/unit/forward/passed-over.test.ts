// Servers that errors have put behind others: what they alone have is found all the same, in the order written.
import { describe, expect, it } from 'vitest'
import type { ForwardOrder } from '../../../src/config/types.ts'
import { createRig, first, second, third, upstreams } from './fake-carriers.ts'

type Rig = ReturnType<typeof createRig>
const NXDOMAIN = 3
const SERVFAIL = 2

/** A company's server without a way out says SERVFAIL to all names but its own, and to the check as well. */
async function publicNames(rig: Rig, list = upstreams.slice(0, 2)) {
  await rig.know(...list)
  for (let n = 0; n < 4 && rig.checks.length === 0; n++) {
    const at = rig.tries.length
    const result = rig.ask({ list, name: `www.example${n}.net` })
    rig.reply(at, SERVFAIL)
    rig.reply(at + 1, 0)
    await result
  }
  rig.replyToCheck(SERVFAIL)
  rig.tries.length = 0
}

const askIntra = (rig: Rig, order: ForwardOrder = 'sequential', list = upstreams.slice(0, 2)) =>
  rig.ask({ list, name: 'intra.corp.example', order })

describe('a name that the second of two servers denies, while the first is behind for its errors', () => {
  it('is that of the first, where that has it', async () => {
    const rig = createRig()
    await publicNames(rig)
    const result = askIntra(rig)
    expect(rig.asked()).toEqual(['udp 2'])
    rig.reply(0, NXDOMAIN)
    expect(rig.asked()).toEqual(['udp 2', 'udp 1'])
    rig.reply(1, 0, 0x8580)
    expect(await result).toMatchObject({ upstream: first.text })
    // That was an answer: it has its place again.
    void askIntra(rig)
    expect(rig.asked().at(-1)).toBe('udp 1')
  })

  it('is denied where the first has an error for it too, at once', async () => {
    const rig = createRig()
    await publicNames(rig)
    const result = askIntra(rig)
    rig.reply(0, NXDOMAIN)
    rig.reply(1, SERVFAIL)
    expect(await result).toMatchObject({ upstream: second.text, tries: expect.stringContaining('SERVFAIL') })
    expect(rig.asked()).toEqual(['udp 2', 'udp 1'])
  })

  it('is denied where the first is silent, after its own time', async () => {
    const rig = createRig()
    await publicNames(rig)
    const result = askIntra(rig)
    rig.reply(0, NXDOMAIN)
    rig.turn(1000)
    expect(await result).toMatchObject({ upstream: second.text })
    expect(rig.exchange.inFlight()).toBe(0)
  })

  it('is denied at the deadline at the latest', async () => {
    const rig = createRig()
    await publicNames(rig)
    const result = rig.ask({ name: 'intra.corp.example', timeout: 100 })
    rig.reply(0, NXDOMAIN)
    rig.turn(100)
    expect(await result).toMatchObject({ upstream: second.text })
  })

  it.each<ForwardOrder>(['random', 'fastest'])('is denied by any server with the order %s', async (order) => {
    const rig = createRig()
    await publicNames(rig)
    const result = askIntra(rig, order)
    rig.reply(0, NXDOMAIN)
    expect(await result).toMatchObject({ upstream: second.text })
    expect(rig.asked()).toEqual(['udp 2'])
  })

  it('is denied by one that is written before it', async () => {
    const rig = createRig()
    await publicNames(rig, [second, first])
    const result = askIntra(rig, 'sequential', [third, second, first])
    rig.reply(0, NXDOMAIN)
    expect(await result).toMatchObject({ upstream: third.text })
    expect(rig.asked()).toEqual(['udp 3'])
  })
})

it('what the second of two servers has is not asked of the first', async () => {
  const rig = createRig()
  await publicNames(rig)
  const { tries } = rig
  const result = askIntra(rig)
  const { message, question } = tries[0]!
  const end = question.end
  const record = Buffer.from('c00c000100010000003c0004c0000201', 'hex')
  const reply = Buffer.concat([message.subarray(0, end), record, message.subarray(end)])
  reply.writeUInt16BE(0x8180, 2)
  reply.writeUInt16BE(1, 6)
  tries[0]!.done({ reply })
  expect(await result).toMatchObject({ upstream: second.text })
  expect(rig.asked()).toEqual(['udp 2'])
})

it('of a hundred servers each is remembered: one that is dead costs one question alone', async () => {
  const rig = createRig()
  const list = Array.from({ length: 100 }, (_, n) => ({
    host: `192.0.2.${n + 1}`,
    port: 53,
    text: `192.0.2.${n + 1}:53`,
  }))
  const result = rig.ask({ list })
  rig.turn(1000)
  rig.reply(rig.tries.length - 1, 0)
  await result
  for (let n = 0; n < 3; n++) {
    const at = rig.tries.length
    const again = rig.ask({ list })
    expect(rig.tries[at]!.upstream).not.toBe(list[0])
    rig.reply(at, 0)
    await again
  }
})
