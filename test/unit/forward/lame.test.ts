// Replies of servers that do not recurse: none is an answer while another server may have one, none ends a good old one.
import { describe, expect, it } from 'vitest'
import { encodeName } from '../../../src/dns/name.ts'
import { writeRecord } from '../../tools/servers/record.ts'
import { createRig, first, question, second } from './fake-carriers.ts'

const RA = 0x80
const AA = 0x0400
const base = 0x8100

/** A record without data that a reader would look into, but for NS and SOA. */
const record = (owner: string, type: number, data: Buffer) => writeRecord(encodeName(owner)!, type, data, 300)
const ns = (owner: string) => record(owner, 2, encodeName('a.root-servers.net')!)
const soa = (owner: string) =>
  record(owner, 6, Buffer.concat([encodeName('ns.example')!, encodeName('host.example')!, Buffer.alloc(20)]))
const a = () => record('example.com', 1, Buffer.of(192, 0, 2, 1))

/** The reply to a question with OPT or without: its OPT comes last. */
function made(message: Buffer, flags: number, answer: Buffer[], authority: Buffer[]): Buffer {
  const head = Buffer.from(message.subarray(0, question.end))
  head.writeUInt16BE(flags, 2)
  head.writeUInt16BE(answer.length, 6)
  head.writeUInt16BE(authority.length, 8)
  return Buffer.concat([head, ...answer, ...authority, message.subarray(question.end)])
}

type Rig = ReturnType<typeof createRig>
const say = (rig: Rig, n: number, flags: number, answer: Buffer[], authority: Buffer[] = []) =>
  rig.tries[n]!.done({ reply: made(rig.tries[n]!.message, flags, answer, authority) })

const lame: [string, number, Buffer[]][] = [
  ['an upward referral', base, [ns('.')]],
  ['an upward referral with RA, as a forwarder before it sets it', base | RA, [ns('.')]],
  ['an upward referral with AA', base | AA, [ns('.')]],
  ['a referral to the parent', base, [ns('com')]],
  ['a referral downwards', base, [ns('example.com')]],
  ['nothing at all', base, []],
]

describe('the next server is asked where the first one says', () => {
  it.each(lame)('%s', async (_what, flags, authority) => {
    const rig = createRig()
    const result = rig.ask()
    say(rig, 0, flags, [], authority)
    expect(rig.asked()).toEqual(['udp 1', 'udp 2'])
    say(rig, 1, base | RA, [a()])
    await expect(result).resolves.toMatchObject({ upstream: second.text })
  })

  it.each(lame)('%s, over TCP and in its turn later too', async (_what, flags, authority) => {
    const rig = createRig()
    const result = rig.ask()
    rig.turn(1000)
    const n = rig.tries.length - 1
    say(rig, n, base | RA | 0x0200, [])
    say(rig, n + 1, flags, [], authority)
    expect(rig.asked().at(-1)).toBe('udp 1')
    rig.reply(rig.tries.length - 1, 0)
    await expect(result).resolves.toMatchObject({ upstream: first.text })
  })
})

describe('the order written is kept, and nothing checked, where a server always says', () => {
  it.each(lame)('%s', async (_what, flags, authority) => {
    const rig = createRig()
    for (let n = 0; n < 12; n++) {
      const at = rig.tries.length
      const result = rig.ask({ name: 'example.com' })
      expect(rig.tries[at]!.upstream).toBe(first)
      say(rig, at, flags, [], authority)
      say(rig, at + 1, base | RA, [a()])
      await result
    }
    expect(rig.checks).toEqual([])
  })
})

describe('where no server recurses', () => {
  it('a referral is a failure that says so', async () => {
    const rig = createRig()
    const result = rig.ask()
    say(rig, 0, base, [], [ns('.')])
    say(rig, 1, base, [], [ns('com')])
    const failure = '192.0.2.1:53 referral, 192.0.2.2:53 referral'
    await expect(result).resolves.toEqual({ failure, reason: 'failed', noRecursion: true })
  })

  it('a reply with nothing at all is given, for want of a better one', async () => {
    const rig = createRig()
    const result = rig.ask()
    say(rig, 0, base, [])
    rig.reply(1, 5)
    await expect(result).resolves.toMatchObject({ upstream: first.text })
  })

  it('a failure of another one is just that', async () => {
    const rig = createRig()
    const result = rig.ask()
    say(rig, 0, base, [], [ns('.')])
    rig.reply(1, 5)
    await expect(result).resolves.not.toHaveProperty('noRecursion')
  })
})

describe('is an answer:', () => {
  it.each<[string, number, Buffer[], Buffer[]]>([
    ['an address of a server that does not recurse', base, [a()], []],
    ['that of a zone’s own server', base | AA, [a()], [ns('example.com')]],
    ['NODATA of a zone’s own server, without its SOA too', base | AA, [], []],
    ['NODATA with SOA, without RA', base, [], [soa('example.com')]],
    ['NODATA with SOA and NS', base | RA, [], [soa('example.com'), ns('example.com')]],
    ['NODATA of a resolver with the zone’s NS alone', base | RA, [], [ns('example.com')]],
    ['NODATA of a resolver with nothing', base | RA, [], []],
    ['NXDOMAIN without RA', base | 3, [], []],
  ])('%s', async (_what, flags, answer, authority) => {
    const rig = createRig()
    const result = rig.ask()
    say(rig, 0, flags, answer, authority)
    await expect(result).resolves.toMatchObject({ upstream: first.text })
    expect(rig.asked()).toEqual(['udp 1'])
  })

  it('a referral for who does not ask for recursion', async () => {
    const rig = createRig()
    const result = rig.ask({ flags: 0 })
    say(rig, 0, 0x8000, [], [ns('com')])
    await expect(result).resolves.toMatchObject({ upstream: first.text })
  })
})
