// One forwarded question: failover, silence, deadline, truncation, EDNS, and bounds on how many there are.
import { describe, expect, it } from 'vitest'
import { readEdns } from '../../../src/dns/edns.ts'
import { createAccounting } from '../net/limits/accounting.ts'
import { answer, createRig, first, question, second, upstreams } from './fake-carriers.ts'

const lone = upstreams.slice(0, 1)
/** As an upstream says BADVERS: NOERROR in the header, the rest of 16 in its OPT. */
function badVersion(message: Buffer): Buffer {
  const reply = answer(message, 0)
  reply[question.end + 5] = 1
  return reply
}

describe('an exchange', () => {
  it('gives the first server’s reply, and asks no other', async () => {
    const rig = createRig()
    const result = rig.ask()
    rig.reply(0, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    rig.turn(10_000)
    expect(rig.asked()).toEqual(['udp 1'])
    expect(rig.pending()).toBe(0)
    expect(rig.exchange.inFlight()).toBe(0)
  })

  it.each([3, 6])('takes rcode %i for an answer', async (code) => {
    const rig = createRig()
    const result = rig.ask()
    rig.reply(0, code)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it.each([
    [2, 'SERVFAIL'],
    [5, 'REFUSED'],
    [9, 'NOTAUTH'],
  ])('goes to the next server at once on rcode %i (%s)', async (code) => {
    const rig = createRig()
    await rig.know(first)
    const result = rig.ask()
    rig.reply(0, code)
    expect(rig.asked()).toEqual(['udp 1', 'udp 2'])
    rig.reply(1, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.2:53' })
  })

  it('goes to the next server at once on an error', async () => {
    const rig = createRig()
    await rig.know(first)
    const result = rig.ask()
    rig.fail(0, 'ECONNREFUSED')
    rig.reply(1, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.2:53' })
  })

  it('goes to the next server on a reply that can not be read to its end', async () => {
    const rig = createRig()
    await rig.know(first)
    void rig.ask()
    const broken = answer(rig.tries[0]!.message, 0)
    broken.writeUInt16BE(1, 6)
    rig.tries[0]!.done({ reply: broken })
    expect(rig.asked()).toEqual(['udp 1', 'udp 2'])
  })

  it('says what each server said where all said no', async () => {
    const rig = createRig()
    await rig.know(first, second)
    const result = rig.ask()
    rig.reply(0, 2)
    rig.fail(1, 'ECONNREFUSED')
    const failure = '192.0.2.1:53 SERVFAIL, 192.0.2.2:53 ECONNREFUSED'
    await expect(result).resolves.toEqual({ failure, reason: 'failed' })
    expect(rig.exchange.inFlight()).toBe(0)
  })

  it('says what the tries came to where the first one was not enough', async () => {
    const rig = createRig()
    const once = rig.ask({ list: lone })
    rig.reply(0, 0)
    expect(await once).not.toHaveProperty('tries')

    const passedOn = rig.ask({ list: upstreams })
    rig.reply(1, 2)
    rig.turn(1000)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 2', 'udp 2', 'udp 3'])
    rig.reply(4, 0)
    await expect(passedOn).resolves.toMatchObject({
      tries: '192.0.2.1:53 SERVFAIL, 192.0.2.2:53 silent, 192.0.2.3:53 answered',
    })

    const whole = rig.ask({ list: lone })
    rig.reply(5, 0, 0x8380)
    rig.reply(6, 0)
    await expect(whole).resolves.toMatchObject({ tries: '192.0.2.1:53 answered over TCP' })
  })

  it('counts the tries that one server took', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.turn(1000)
    expect(rig.tries).toHaveLength(3)
    rig.reply(2, 0)
    await expect(result).resolves.toMatchObject({ tries: '192.0.2.1:53 answered after 3 tries' })
  })

  it('says that servers are out of reach where none said anything', async () => {
    const rig = createRig()
    await rig.know(first, second)
    const result = rig.ask()
    rig.fail(0, 'ECONNREFUSED')
    rig.fail(1, 'ENETUNREACH')
    const failure = '192.0.2.1:53 ECONNREFUSED, 192.0.2.2:53 ENETUNREACH'
    await expect(result).resolves.toEqual({ failure, reason: 'unreachable' })
  })

  it('ends at once without upstreams', async () => {
    await expect(createRig().ask({ list: [] })).resolves.toMatchObject({ reason: 'none' })
  })

  it('counts each try by what came of it, in a fixed set of labels', async () => {
    const rig = createRig()
    await rig.know(first)
    const result = rig.ask({ list: upstreams })
    rig.reply(0, 2)
    rig.turn(20)
    rig.reply(1, 12)
    rig.turn(20)
    rig.reply(2, 0)
    await result
    const observed = (...labels: string[]) => {
      const { counts, sum } = rig.counters.duration.cell(...labels)
      return { count: counts.reduce((total, count) => total + count), sum }
    }
    expect(observed('192.0.2.1:53', 'SERVFAIL')).toMatchObject({ count: 1 })
    expect(observed('192.0.2.2:53', 'other')).toEqual({ count: 1, sum: 0.02 })
    expect(observed('192.0.2.3:53', 'NOERROR')).toEqual({ count: 1, sum: 0.02 })
  })
})

describe('a silent server', () => {
  it('is passed over by 1 s, and still heard', async () => {
    const rig = createRig()
    const result = rig.ask()
    rig.turn(399)
    expect(rig.asked()).toEqual(['udp 1'])
    rig.turn(600)
    // Nothing is known of it: the second try is without EDNS.
    expect(rig.asked()).toEqual(['udp 1', 'udp 1'])
    rig.turn(1)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 2'])
    expect(rig.tries[0]!.cancelled).toBe(false)
    rig.reply(0, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    expect(rig.tries[2]!.cancelled).toBe(true)
  })

  it('gets a second try early where it is known to be fast, never before 200 ms', async () => {
    const rig = createRig()
    const quick = rig.ask()
    rig.turn(5)
    rig.reply(0, 0)
    await quick
    void rig.ask()
    rig.turn(199)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1'])
    rig.turn(1)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 1'])
    rig.turn(799)
    expect(rig.asked()).toHaveLength(3)
    rig.turn(1)
    expect(rig.asked().at(-1)).toBe('udp 2')
  })

  it('is asked three times over UDP, and then over TCP, where it is the only one', async () => {
    const rig = createRig()
    await rig.know(first)
    void rig.ask({ list: lone, timeout: 10_000 })
    rig.turn(9999)
    // It has not taken EDNS over TCP so far: the last one is without.
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 1', 'tcp 1', 'tcp 1'])
    const offered = rig.tries.map(({ message }) => readEdns(message, question.end) !== 'none')
    expect(offered).toEqual([true, true, false, true, false])
    expect(rig.counters.tcp.cell('192.0.2.1:53', 'silent').value).toBe(1)
  })

  it('is not asked again once it said no', async () => {
    const rig = createRig()
    await rig.know(second)
    void rig.ask()
    rig.reply(0, 5)
    rig.turn(1500)
    expect(rig.asked()).toEqual(['udp 1', 'udp 2', 'udp 2', 'udp 2'])
  })

  it('ends at its deadline, whatever is still open', async () => {
    const rig = createRig()
    const result = rig.ask()
    rig.turn(3499)
    expect(rig.exchange.inFlight()).toBe(1)
    rig.turn(1)
    const failure = '192.0.2.1:53 timeout, 192.0.2.2:53 timeout'
    await expect(result).resolves.toEqual({ failure, reason: 'unreachable' })
    expect(rig.tries.every(({ cancelled }) => cancelled)).toBe(true)
  })

  it('leaves the others their turn within a short deadline', () => {
    const rig = createRig()
    void rig.ask({ timeout: 300 })
    rig.turn(299)
    expect([...new Set(rig.asked())].slice(0, 2)).toEqual(['udp 1', 'udp 2'])
  })
})

describe('a truncated reply', () => {
  const TC = 0x8380

  it('is asked for again over TCP', async () => {
    const rig = createRig()
    const result = rig.ask()
    rig.reply(0, 0, TC)
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1'])
    rig.reply(1, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
    expect(rig.counters.tcp.cell('192.0.2.1:53', 'truncated').value).toBe(1)
  })

  it('may be cut in the middle of a record', () => {
    const rig = createRig()
    void rig.ask()
    const cut = answer(rig.tries[0]!.message, 0, TC)
    cut.writeUInt16BE(9, 6)
    rig.tries[0]!.done({ reply: cut })
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1'])
  })

  it('leads to the next server where TCP fails', () => {
    const rig = createRig()
    void rig.ask()
    rig.reply(0, 0, TC)
    rig.fail(1, 'ECONNREFUSED')
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1', 'udp 2'])
  })

  it('is given where no server takes TCP', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.reply(0, 0, TC)
    rig.fail(1, 'ECONNREFUSED')
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })
})

describe('forged replies', () => {
  it('lead to TCP', () => {
    const rig = createRig()
    void rig.ask()
    rig.fail(0, 'forged replies', 'forger')
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1'])
    expect(rig.counters.tcp.cell('192.0.2.1:53', 'forged').value).toBe(1)
  })

  it('lead to another port where there is no TCP, three tries in all', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.fail(0, 'forged replies', 'forger')
    rig.fail(1, 'ECONNREFUSED')
    rig.fail(2, 'forged replies', 'forger')
    rig.reply(3, 0)
    expect(rig.asked()).toEqual(['udp 1', 'tcp 1', 'udp 1', 'udp 1'])
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it('end the question where they never end', async () => {
    const rig = createRig()
    const result = rig.ask({ list: lone })
    rig.fail(0, 'forged replies', 'forger')
    rig.fail(1, 'ECONNREFUSED')
    rig.fail(2, 'forged replies', 'forger')
    rig.fail(3, 'forged replies', 'forger')
    const failure = '192.0.2.1:53 forged replies'
    await expect(result).resolves.toEqual({ failure, reason: 'unreachable' })
  })
})

describe('EDNS', () => {
  it('is used with every server, whatever the asker has', () => {
    const rig = createRig()
    void rig.ask()
    void rig.ask({ edns: { version: 0, udpBytes: 4096, dnssecOk: true } })
    const offered = rig.tries.map(({ message }) => readEdns(message, question.end))
    expect(offered).toEqual([
      { version: 0, udpBytes: 1232, dnssecOk: false },
      { version: 0, udpBytes: 1232, dnssecOk: true },
    ])
  })

  it.each([
    ['FORMERR', (message: Buffer) => answer(message, 1)],
    ['FORMERR without the question', (message: Buffer) => headerAlone(message, 1)],
    ['NOTIMP', (message: Buffer) => answer(message, 4)],
    ['BADVERS', badVersion],
  ])('is left out for a server that says %s to it', async (_what, made) => {
    const rig = createRig()
    const result = rig.ask()
    rig.tries[0]!.done({ reply: made(rig.tries[0]!.message) })
    expect(rig.asked()).toEqual(['udp 1', 'udp 1'])
    expect(readEdns(rig.tries[1]!.message, question.end)).toBe('none')
    expect(rig.counters.noEdns.cell('192.0.2.1:53').value).toBe(1)
    rig.reply(1, 0)
    await expect(result).resolves.toMatchObject({ upstream: '192.0.2.1:53' })
  })

  it('is left out once: what says FORMERR to that as well is passed over', () => {
    const rig = createRig()
    void rig.ask()
    rig.reply(0, 1)
    rig.reply(1, 1)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1', 'udp 2'])
  })
})

describe('bounds', () => {
  it('refuses more questions than may be in flight, and takes them again later', async () => {
    let free = 1
    const claim = () => {
      if (free === 0) return undefined
      free--
      return () => {
        free++
      }
    }
    const rig = createRig({ claim })
    const held = rig.ask()
    await expect(rig.ask()).resolves.toMatchObject({ reason: 'busy' })
    expect(rig.counters.rejects.cell().value).toBe(1)
    rig.reply(0, 0)
    await held
    expect(free).toBe(1)
    void rig.ask()
    expect(rig.exchange.inFlight()).toBe(1)
  })

  it('gives a claim back when something of our own breaks', async () => {
    let held = 0
    const claim = () => {
      held++
      return () => held--
    }
    const broken = {
      ask: () => {
        throw new TypeError('broken')
      },
      sockets: () => 0,
      close: () => {},
    }
    await expect(createRig({ claim, udp: broken }).ask()).rejects.toThrow('broken')
    expect(held).toBe(0)
  })

  it('leaves room for others when one asker takes all it can', async () => {
    const rig = createRig({ claim: createAccounting().limits.claim })
    for (let n = 0; n < 1024; n++) void rig.ask({ asker: '192.0.2.100' })
    await expect(rig.ask({ asker: '192.0.2.100' })).resolves.toMatchObject({ reason: 'busy' })
    void rig.ask({ asker: '192.0.2.101' })
    expect(rig.exchange.inFlight()).toBe(1025)
  })
})

it('an exchange that is stopped ends what is open and closes its sockets', async () => {
  const rig = createRig()
  const result = rig.ask()
  rig.fail(0, 'ECONNREFUSED')
  rig.exchange.stop()
  await expect(result).resolves.toMatchObject({ reason: 'unreachable' })
  expect(rig.closed()).toBe(2)
  expect(rig.pending()).toBe(0)
})

it('a question whose turn comes when the exchange is stopped is not begun, and its place is given back', async () => {
  let begin = () => {}
  let held = 1
  const rig = createRig({
    claim: () => () => held--,
    inTurn: (_asker, work) => {
      begin = work
    },
  })
  const result = rig.ask()
  expect(rig.tries).toEqual([])
  rig.exchange.stop()
  begin()
  await expect(result).resolves.toMatchObject({ reason: 'unreachable' })
  expect(rig.tries).toEqual([])
  expect(held).toBe(0)
})

function headerAlone(message: Buffer, code: number): Buffer {
  const reply = answer(message, code).subarray(0, 12)
  reply.fill(0, 4)
  return reply
}
