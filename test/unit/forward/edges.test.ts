// What servers and the ways to them do on the edge of the standards: docs/rfcs.md says what is decided, and why.
import { describe, expect, it } from 'vitest'
import { readEdns } from '../../../src/dns/edns.ts'
import { answer, createRig, first, question, upstreams } from './fake-carriers.ts'

const lone = upstreams.slice(0, 1)
const address = Buffer.from('c00c000100010000012c0004c0000201', 'hex')

/** `message` as a header alone. */
function bare(message: Buffer, flags: number): Buffer {
  const header = Buffer.alloc(12)
  message.copy(header, 0, 0, 2)
  header.writeUInt16BE(flags, 2)
  return header
}

/** A reply of its question and `rest`, with these counts. */
function made(message: Buffer, counts: readonly [an: number, ns: number, ar: number], ...rest: Buffer[]) {
  const reply = Buffer.concat([answer(message, 0).subarray(0, question.end), ...rest])
  counts.forEach((count, i) => void reply.writeUInt16BE(count, 6 + 2 * i))
  return reply
}

const optOf = (message: Buffer) => message.subarray(question.end)
const manyOf = (message: Buffer) => made(message, [40, 0, 0], ...Array.from({ length: 40 }, () => address))

describe('a reply without question', () => {
  it('that is TC alone leads to TCP at once, and is never told to anybody', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.tries[0]!.done({ reply: bare(rig.tries[0]!.message, 0x8380) })
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1'])
    rig.fail(1, 'ECONNREFUSED')
    await expect(result).resolves.toEqual({ failure: '192.0.2.1:53 TCP ECONNREFUSED', reason: 'failed' })
  })

  it.each([
    ['SERVFAIL', 2],
    ['REFUSED', 5],
  ])('that is %s leads to the next server at once', async (name, code) => {
    const rig = createRig()
    await rig.know(...upstreams.slice(0, 2))
    const result = rig.ask()
    rig.tries[0]!.done({ reply: bare(rig.tries[0]!.message, 0x8180 | code) })
    expect(rig.asked()).toEqual(['udp 1', 'udp 2'])
    rig.tries[1]!.done({ reply: bare(rig.tries[1]!.message, 0x8180 | code) })
    const failure = `192.0.2.1:53 ${name}, 192.0.2.2:53 ${name}`
    await expect(result).resolves.toEqual({ failure, reason: 'failed' })
  })

  it('over TCP that is TC alone is no reply', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.reply(0, 0, 0x8380)
    // Nothing is known of it over TCP: it may have stumbled over EDNS.
    for (const n of [1, 2]) rig.tries[n]!.done({ reply: bare(rig.tries[n]!.message, 0x8380) })
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1', 'tcp 1'])
  })
})

describe('a reply that was cut without TC', () => {
  it.each([512, 600])('at %i bytes is asked for again over TCP, once', async (size) => {
    const rig = createRig()
    const result = rig.ask()
    const whole = manyOf(rig.tries[0]!.message)
    rig.tries[0]!.done({ reply: whole.subarray(0, size) })
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1'])
    expect(rig.counters.tcp.cell('192.0.2.1:53', 'truncated').value).toBe(1)
    rig.tries[1]!.done({ reply: manyOf(rig.tries[1]!.message) })
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it('is no answer where TCP gives none, or the same', async () => {
    for (const again of ['ECONNREFUSED', 'the same']) {
      const rig = createRig()
      await rig.know(first)
      void rig.ask()
      const cut = (n: number) => manyOf(rig.tries[n]!.message).subarray(0, 512)
      rig.tries[0]!.done({ reply: cut(0) })
      if (again === 'the same') {
        // Nothing is known of it over TCP: it may have stumbled over EDNS.
        for (const n of [1, 2]) rig.tries[n]!.done({ reply: cut(n) })
        expect(rig.asked()).toEqual(['udp 1', 'tcp 1', 'tcp 1', 'udp 2'])
      } else {
        rig.fail(1, again)
        expect(rig.asked()).toEqual(['udp 1', 'tcp 1', 'udp 2'])
      }
    }
  })
})

describe('OPT where none belongs', () => {
  const forms: [string, (message: Buffer) => Buffer][] = [
    ['copied with the question, before the answer', (m) => made(m, [1, 0, 1], optOf(m), address)],
    ['counted as an answer', (m) => made(m, [2, 0, 0], optOf(m), address)],
    ['in the authority section', (m) => made(m, [1, 1, 0], address, optOf(m))],
    ['twice', (m) => made(m, [1, 0, 2], address, optOf(m), optOf(m))],
  ]

  it.each(forms)('%s: the server is asked without', async (_, make) => {
    const rig = createRig()
    const result = rig.ask()
    rig.tries[0]!.done({ reply: make(rig.tries[0]!.message) })
    expect(rig.asked()).toEqual(['udp 1', 'udp 1'])
    expect(readEdns(rig.tries[1]!.message, question.end)).toBe('none')
    rig.tries[1]!.done({ reply: made(rig.tries[1]!.message, [1, 0, 0], address) })
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it.each(forms)('%s, though none was sent: the next server is asked', (_, make) => {
    const rig = createRig()
    void rig.ask()
    const { message } = rig.tries[0]!
    rig.tries[0]!.done({ reply: make(message) })
    rig.tries[1]!.done({ reply: make(message) })
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 2'])
  })
})
