// The form of questions: what servers do not take of it is left out, learned of each, and tried again.
import { describe, expect, it } from 'vitest'
import { readEdns } from '../../../src/dns/edns.ts'
import { flagsOf } from '../../../src/dns/header.ts'
import { encodeQuery } from '../../../src/dns/message.ts'
import { readQuestion } from '../../../src/dns/name.ts'
import type { AttemptResult } from '../../../src/forward/attempt.ts'
import { answer, createRig, first, question, second, type Try, upstreams } from './fake-carriers.ts'

type Rig = ReturnType<typeof createRig>
type Behaviour = (message: Buffer, transport: 'udp' | 'tcp') => AttemptResult | 'silence'

const lone = [first]
const AD = 0x20
const withOpt = (message: Buffer) => message.readUInt16BE(10) > 0
const withAd = (message: Buffer) => (flagsOf(message) & AD) !== 0
const isWhole = (message: Buffer) => withOpt(message) || withAd(message)
/** RFC 1035 whole: RD, a question, and nothing else. */
const isPlain = (message: Buffer) => flagsOf(message) === 0x0100 && !withOpt(message)
const ok: Behaviour = (message) => ({ reply: answer(message, 0) })
const says = (code: number) => (message: Buffer) => ({ reply: answer(message, code) })
const silence = () => 'silence' as const
const closed = () => ({ error: 'closed before the reply', blame: 'upstream' as const })
const rejected = () => ({ error: 'ECONNREFUSED', blame: 'upstream' as const })
/** An error as of a server that has not read the OPT. */
const bareOfOpt = (code: number) => (message: Buffer) => {
  const reply = answer(message.subarray(0, message.length - 11), code)
  reply.writeUInt16BE(0, 10)
  return { reply }
}
const garbage = (message: Buffer) => {
  const reply = answer(message, 0)
  reply.writeUInt16BE(9, 6)
  return { reply }
}
const badVersion = (message: Buffer) => {
  if (!withOpt(message)) return { reply: answer(message, 4) }
  const reply = answer(message, 0)
  reply[reply.length - 6] = 1
  return { reply }
}
/** Does so with what holds something of the kind, and answers all else. */
const at = (holds: (message: Buffer) => boolean, then: Behaviour): Behaviour => {
  return (message, transport) => (holds(message) ? then : ok)(message, transport)
}
/** Lets servers answer what they are asked, checks and probes too, until there is nothing left to do. */
function serve(rig: Rig, ...behaviours: Behaviour[]) {
  const done = new Set<Try>()
  return () => {
    for (;;) {
      const open = [...rig.tries, ...rig.checks].filter((each) => !each.cancelled && !done.has(each))
      const next = open[0]
      if (next === undefined) return
      done.add(next)
      const behave = behaviours[upstreams.indexOf(next.upstream)] ?? ok
      const result = behave(next.message, next.transport)
      if (result !== 'silence') next.done(result)
    }
  }
}

interface Seen {
  readonly result: object
  readonly ms: number
  /** "udp 1", in the plain form "udp 1 plain". */
  readonly asked: readonly string[]
}

async function askFor(rig: Rig, run: () => void, options: Parameters<Rig['ask']>[0] = {}): Promise<Seen> {
  const from = rig.tries.length
  let result: object | undefined
  const started = rig.clock.monotonic()
  void rig.ask({ list: lone, ...options }).then((settled) => {
    result = settled
  })
  let ms = 0
  for (; ms < 5000; ms++) {
    run()
    await Promise.resolve()
    await Promise.resolve()
    if (result !== undefined) break
    rig.turn(1)
  }
  const asked = rig.tries
    .slice(from)
    .map(
      ({ upstream, transport, message }) =>
        `${transport} ${upstream.host.at(-1)}${isPlain(message) ? ' plain' : ''}`,
    )
  return { result: result!, ms: rig.clock.monotonic() - started, asked }
}

const troubles: [string, Behaviour][] = [
  ['FORMERR to OPT', at(withOpt, says(1))],
  ['FORMERR to AD', at(withAd, says(1))],
  ['NOTIMP to OPT', at(withOpt, says(4))],
  ['NOTIMP to AD', at(withAd, says(4))],
  ['BADVERS', at(isWhole, badVersion)],
  ['SERVFAIL to OPT', at(withOpt, says(2))],
  ['SERVFAIL to AD', at(withAd, says(2))],
  ['what can not be read to OPT', at(withOpt, garbage)],
  ['nothing to OPT', at(withOpt, silence)],
  ['nothing to AD', at(withAd, silence)],
  ['REFUSED to OPT, without one of its own', at(withOpt, bareOfOpt(5))],
  ['an error nobody knows to OPT, without one of its own', at(withOpt, bareOfOpt(14))],
  ['by ICMP that OPT does not come through', at(withOpt, rejected)],
]

describe('a server that says', () => {
  it.each(troubles)('%s is asked as RFC 1035 has it, and from then on at once', async (_what, behaviour) => {
    const rig = createRig()
    const run = serve(rig, behaviour)
    const before = await askFor(rig, run)
    expect(before.result).toMatchObject({ upstream: first.text })
    expect(before.asked).toEqual(['udp 1', 'udp 1 plain'])
    expect(before.ms).toBeLessThanOrEqual(400)
    for (let n = 0; n < 3; n++) {
      const after = await askFor(rig, run)
      expect(after).toMatchObject({ result: { upstream: first.text }, ms: 0, asked: ['udp 1 plain'] })
    }
    rig.turn(1000)
    expect(rig.counters.plain.cell(first.text).value).toBe(1)
    expect(rig.counters.noEdns.cell(first.text).value).toBe(1)
    expect(rig.lines).toMatchObject([{ level: 'warn', upstream: first.text }])
    expect(rig.counters.healthy.cell(first.text).value).toBe(1)
  })

  it.each(troubles)('%s has its place before another one', async (_what, behaviour) => {
    const rig = createRig()
    const run = serve(rig, behaviour)
    for (let n = 0; n < 4; n++) {
      const { result } = await askFor(rig, run, { list: [first, second] })
      expect(result).toMatchObject({ upstream: first.text })
    }
    expect(rig.asked()).not.toContain('udp 2')
  })

  it.each(troubles)(
    '%s, as do all of them, costs each no more than its own time',
    async (_what, behaviour) => {
      const rig = createRig()
      const run = serve(rig, behaviour, behaviour, behaviour)
      const { result, ms } = await askFor(rig, run, { list: upstreams })
      expect(result).toMatchObject({ upstream: first.text })
      expect(ms).toBeLessThanOrEqual(400)
    },
  )

  it.each(troubles)('%s over TCP as well gets through there', async (_what, behaviour) => {
    const rig = createRig()
    const run = serve(rig, (message, transport) => {
      const result = behaviour(message, transport)
      if (transport === 'tcp' || result === 'silence' || !isPlain(message)) return result
      return { reply: answer(message, 0, 0x8380) }
    })
    const { result, asked } = await askFor(rig, run)
    expect(result).toMatchObject({ upstream: first.text })
    expect(asked.slice(0, 2)).toEqual(['udp 1', 'udp 1 plain'])
    expect((await askFor(rig, run)).asked).toEqual(['udp 1 plain', 'tcp 1 plain'])
  })
})

describe('over TCP', () => {
  const truncated: Behaviour = (message) => ({ reply: answer(message, 0, 0x8380) })
  it.each<[string, Behaviour]>([
    ['closes the connection', closed],
    ['says nothing', silence],
    ['says FORMERR', says(1)],
    ['says SERVFAIL', says(2)],
  ])(
    'a server that %s where there is an OPT is asked without, and UDP goes on with it',
    async (_what, then) => {
      const rig = createRig()
      const behave = at(withOpt, then)
      const run = serve(rig, (message, transport) =>
        transport === 'udp' ? truncated(message, 'udp') : behave(message, 'tcp'),
      )
      const before = await askFor(rig, run)
      expect(before.result).toMatchObject({ upstream: first.text })
      expect(before.asked).toEqual(['udp 1', 'tcp 1', 'tcp 1 plain'])
      expect(before.ms).toBeLessThanOrEqual(500)
      expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'tcp 1 plain'])
    },
  )

  it('a server that closes whatever is asked is passed over', async () => {
    const rig = createRig()
    const run = serve(rig, (message, transport) =>
      transport === 'udp' ? truncated(message, 'udp') : closed(),
    )
    const { result } = await askFor(rig, run, { list: [first, second] })
    expect(result).toMatchObject({ upstream: second.text })
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })
})

describe('a server that takes EDNS', () => {
  it('is asked with it twice more before the plain form is tried, and keeps it after one lost packet', async () => {
    const rig = createRig()
    await rig.know(first)
    let lost = 2
    const run = serve(rig, (message, transport) =>
      isWhole(message) && lost-- > 0 ? 'silence' : ok(message, transport),
    )
    const { asked, result } = await askFor(rig, run)
    expect(result).toMatchObject({ upstream: first.text })
    expect(asked).toEqual(['udp 1', 'udp 1', 'udp 1 plain'])
    run()
    expect((await askFor(rig, run)).asked).toEqual(['udp 1'])
    expect(rig.lines).toEqual([])
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })

  it('is asked with it by who wants DNSSEC, whatever gets lost', async () => {
    const rig = createRig()
    await rig.know(first)
    const run = serve(rig, silence)
    const { asked } = await askFor(rig, run, { edns: { version: 0, udpBytes: 1232, dnssecOk: true } })
    expect(asked.slice(0, 3)).toEqual(['udp 1', 'udp 1', 'udp 1'])
  })

  it('is asked with it again at once where only the first packet of all was lost', async () => {
    const rig = createRig()
    let lost = 1
    const run = serve(rig, (message, transport) => (lost-- > 0 ? 'silence' : ok(message, transport)))
    expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'udp 1 plain'])
    run()
    expect((await askFor(rig, run)).asked).toEqual(['udp 1'])
    expect(rig.lines).toEqual([])
  })

  it('is asked with it where it says SERVFAIL to a name, and once only', async () => {
    const rig = createRig()
    await rig.know(first)
    const run = serve(rig, says(2))
    expect((await askFor(rig, run)).asked).toEqual(['udp 1'])
  })

  it('and then does so no more is found out', async () => {
    const rig = createRig()
    await rig.know(first)
    const run = serve(rig, at(isWhole, silence))
    expect((await askFor(rig, run)).result).toMatchObject({ upstream: first.text })
    for (let ms = 0; ms < 1000; ms++) {
      run()
      rig.turn(1)
    }
    expect(await askFor(rig, run)).toMatchObject({ ms: 0, asked: ['udp 1 plain'] })
  })
})

describe('what was learned', () => {
  const run = (rig: Rig, behave: { now: Behaviour }) =>
    serve(rig, (message, transport) => behave.now(message, transport))
  const past = (rig: Rig, serving: () => void, ms: number) => {
    for (let n = 0; n < ms; n += 10) {
      serving()
      rig.turn(10)
    }
  }

  it('is tried again behind a question from time to time, ever more seldom; one that is mended gets EDNS', async () => {
    const rig = createRig()
    const behave = { now: at(isWhole, silence) }
    const serving = run(rig, behave)
    await askFor(rig, serving)
    past(rig, serving, 1000)
    let probes = rig.checks.length
    let last = rig.clock.monotonic()
    const pauses: number[] = []
    while (pauses.length < 9) {
      expect(await askFor(rig, serving)).toMatchObject({ ms: 0, asked: ['udp 1 plain'] })
      if (rig.checks.length > probes) {
        pauses.push(Math.floor((rig.clock.monotonic() - last) / 10_000))
        last = rig.clock.monotonic()
      }
      probes = rig.checks.length
      past(rig, serving, pauses.length < 4 ? 1000 : 10_000)
    }
    expect(pauses.slice(0, 4)).toEqual([1, 2, 4, 8])
    // Of 600 s, as seen every 10 s.
    expect(pauses.slice(-2)).toEqual([61, 61])
    behave.now = ok
    past(rig, serving, 600_000)
    expect((await askFor(rig, serving)).asked).toEqual(['udp 1 plain'])
    expect((await askFor(rig, serving)).asked).toEqual(['udp 1'])
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
    expect(rig.lines).toMatchObject([{ level: 'warn' }, { level: 'info', upstream: first.text }])
  })

  it('costs nothing while nobody asks', async () => {
    const rig = createRig()
    const serving = run(rig, { now: at(isWhole, silence) })
    await askFor(rig, serving)
    past(rig, serving, 1000)
    expect(rig.pending()).toBe(0)
  })

  it('is of that server alone', async () => {
    const rig = createRig()
    const serving = serve(rig, at(withOpt, says(1)))
    await askFor(rig, serving)
    expect((await askFor(rig, serving, { list: [second] })).asked).toEqual(['udp 2'])
  })

  it('is nothing where it says FORMERR to a question in any form', async () => {
    const rig = createRig()
    const serving = serve(rig, (message, transport) =>
      readQuestion(message)?.name === 'odd.example' ? says(1)(message) : ok(message, transport),
    )
    for (let n = 0; n < 3; n++) await askFor(rig, serving, { name: 'odd.example' })
    expect((await askFor(rig, serving)).asked).toEqual(['udp 1'])
  })

  it('is nothing where it is silent in any form', async () => {
    const rig = createRig()
    const behave = { now: silence as Behaviour }
    const serving = run(rig, behave)
    await askFor(rig, serving)
    behave.now = ok
    past(rig, serving, 3000)
    expect((await askFor(rig, serving)).asked).toEqual(['udp 1'])
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })

  it('is bounded, whatever servers come and go', async () => {
    const rig = createRig()
    for (let n = 1; n < 3000; n++) {
      const server = { host: '192.0.2.9', port: n, text: `192.0.2.9:${n}` }
      const result = rig.ask({ list: [server] })
      rig.reply(rig.tries.length - 1, 1)
      rig.reply(rig.tries.length - 1, 0)
      await result
    }
    // Of servers that are forgotten no probe goes on; one timer is that of first tries.
    expect(rig.pending()).toBeLessThanOrEqual(1024 + 1)
    rig.exchange.stop()
    expect(rig.pending()).toBe(0)
  })
})

describe('a server that drops questions with OPT and is aside', () => {
  it('is found well by a check in the plain form, and by that is asked so', async () => {
    const rig = createRig()
    await rig.know(first, second)
    const run = serve(rig, at(isWhole, silence))
    expect((await askFor(rig, run, { list: [first, second] })).result).toMatchObject({
      upstream: second.text,
    })
    for (let ms = 0; ms < 3000; ms++) {
      run()
      rig.turn(1)
    }
    expect(rig.counters.healthy.cell(first.text).value).toBe(1)
    expect(await askFor(rig, run, { list: [first, second] })).toMatchObject({ ms: 0, asked: ['udp 1 plain'] })
  })
})

describe('REFUSED of a server that does not know OPT', () => {
  it('to a name in either form is for the name: nothing is learned, the next one is asked', async () => {
    const rig = createRig()
    const run = serve(rig, (message) => (withOpt(message) ? bareOfOpt(5)(message) : says(5)(message)))
    for (let n = 0; n < 5; n++) {
      const { result, asked } = await askFor(rig, run, { list: [first, second] })
      expect(result).toMatchObject({ upstream: second.text })
      expect(asked).toEqual(['udp 1', 'udp 1 plain', 'udp 2'])
    }
    expect(rig.checks).toEqual([])
  })

  it('costs no second question where it has an OPT, or is known to take ours', async () => {
    const rig = createRig()
    const run = serve(rig, says(5))
    expect((await askFor(rig, run)).asked).toEqual(['udp 1'])
    await rig.know(second)
    const other = serve(rig, ok, bareOfOpt(5))
    expect((await askFor(rig, other, { list: [second] })).asked).toEqual(['udp 2'])
  })
})

describe('a server before which OPT is rejected by ICMP', () => {
  it('is found well by a check, and by that is asked in the plain form', async () => {
    const rig = createRig()
    await rig.know(first, second)
    const run = serve(rig, at(withOpt, rejected))
    expect((await askFor(rig, run, { list: [first, second] })).result).toMatchObject({
      upstream: second.text,
    })
    run()
    expect(rig.counters.healthy.cell(first.text).value).toBe(1)
    expect(await askFor(rig, run, { list: [first, second] })).toMatchObject({ ms: 0, asked: ['udp 1 plain'] })
  })

  it('gets one question in the plain form for several that left from one port', async () => {
    const rig = createRig()
    void rig.ask({ list: lone })
    rig.turn(400)
    expect(rig.asked()).toEqual(['udp 1', 'udp 1'])
    const before = rig.tries.length
    rig.fail(0, 'ECONNREFUSED')
    rig.fail(1, 'ECONNREFUSED')
    expect(rig.tries.length).toBe(before)
    rig.reply(1, 0)
  })

  it('and that is gone is passed over after one more try', async () => {
    const rig = createRig()
    const run = serve(rig, rejected)
    const { asked, result, ms } = await askFor(rig, run, { list: [first, second] })
    expect(asked).toEqual(['udp 1', 'udp 1 plain', 'udp 2'])
    expect({ ...result, ms }).toMatchObject({ upstream: second.text, ms: 0 })
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })
})

describe('lost packets', () => {
  /** A generator with a fixed start: the same packets get lost each time. */
  const losing = (share: number) => {
    let state = 1
    return () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647 < share
    }
  }
  it.each([0.1, 0.2, 0.3])('of %d do not teach that a good server takes no OPT', async (share) => {
    const rig = createRig()
    // On the way there and on the way back.
    const isLost = losing(share)
    const run = serve(rig, (message) => (isLost() || isLost() ? 'silence' : ok(message, 'udp')))
    for (let n = 0; n < 100; n++) {
      await askFor(rig, run)
      for (let ms = 0; ms < 1000; ms += 10) {
        run()
        rig.turn(10)
      }
    }
    expect(rig.lines.filter(({ msg }) => String(msg).includes('EDNS'))).toEqual([])
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })
})

describe('an answer without EDNS to who wants DNSSEC', () => {
  const wanting = { edns: { version: 0, udpBytes: 1232, dnssecOk: true } }

  it('is a guess until a probe has shown that its server takes none', async () => {
    const rig = createRig()
    const run = serve(rig, at(withOpt, silence))
    expect((await askFor(rig, run, wanting)).result).toHaveProperty('isGuess', true)
    expect((await askFor(rig, run, wanting)).result).toHaveProperty('isGuess', true)
    expect((await askFor(rig, run)).result).not.toHaveProperty('isGuess')
    rig.turn(1000)
    expect((await askFor(rig, run, wanting)).result).not.toHaveProperty('isGuess')
  })

  it('is none where the configuration says so', async () => {
    const rig = createRig({ formOf: () => new Map([[first.text, { edns: false, ad: false }]]) })
    const run = serve(rig, ok)
    expect((await askFor(rig, run, wanting)).result).not.toHaveProperty('isGuess')
  })
})

describe('by configuration', () => {
  const ask = async (edns: boolean, ad: boolean, flags = 0x0110) => {
    const rig = createRig({ formOf: () => new Map([[first.text, { edns, ad }]]) })
    const query = encodeQuery('example.com', 'A', { id: 1 })
    query.writeUInt16BE(flags, 2)
    void rig.exchange.ask({
      ...{ query, question, asker: '127.0.0.1', upstreams: lone, timeout: 3500, order: 'sequential' },
      edns: { version: 0, udpBytes: 1232, dnssecOk: true },
    })
    const { message } = rig.tries[0]!
    const offered = readEdns(message, question.end)
    return [flagsOf(message), offered === 'none' ? 'none' : offered?.dnssecOk]
  }

  it('EDNS and AD are left out, each by itself; without both it is RFC 1035 whole', async () => {
    expect(await ask(true, true)).toEqual([0x0130, true])
    expect(await ask(true, false)).toEqual([0x0110, true])
    expect(await ask(false, true)).toEqual([0x0130, 'none'])
    expect(await ask(false, false)).toEqual([0x0100, 'none'])
  })

  it('a server that is asked in the plain form teaches nothing, and has no second try early', async () => {
    const rig = createRig({ formOf: () => new Map([[first.text, { edns: false, ad: false }]]) })
    const run = serve(rig, silence)
    const { asked } = await askFor(rig, run)
    expect(asked.slice(0, 2)).toEqual(['udp 1 plain', 'udp 1 plain'])
    expect(rig.counters.plain.cell(first.text).value).toBe(0)
  })

  it('changes with it, and what was learned before is over', async () => {
    let configured = new Map()
    const rig = createRig({ formOf: () => configured })
    const run = serve(rig, at(withOpt, says(1)))
    await askFor(rig, run)
    run()
    configured = new Map([[first.text, { edns: true, ad: false }]])
    expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'udp 1 plain'])
    configured = new Map()
    expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'udp 1 plain'])
  })
})

it('a probe that could not be sent teaches nothing, and the next question may', async () => {
  const rig = createRig()
  await rig.know(first)
  const trouble = at(withOpt, says(1))
  let isOut = true
  const run = serve(rig, (message, transport) => {
    if (isOut && readQuestion(message)?.name === '') return { error: 'EMFILE', blame: 'us' }
    return trouble(message, transport)
  })
  expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'udp 1 plain'])
  run()
  expect((await askFor(rig, run)).asked).toEqual(['udp 1', 'udp 1 plain'])
  isOut = false
  await askFor(rig, run)
  run()
  await askFor(rig, run)
  run()
  expect((await askFor(rig, run)).asked).toEqual(['udp 1 plain'])
})

it('wrong packets teach nothing', async () => {
  const rig = createRig()
  const result = rig.ask({ list: lone })
  rig.fail(0, 'forged replies', 'forger')
  rig.fail(1, 'ECONNREFUSED')
  rig.reply(2, 0)
  await result
  expect(rig.checks).toEqual([])
  expect(isWhole(rig.tries[2]!.message)).toBe(true)
})
