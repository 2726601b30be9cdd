// A process that does not probe: it knows others' probes at sight, tells them, and goes by what it is told.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../../src/config/types.ts'
import { encodeQuery } from '../../../../src/dns/message.ts'
import { readQuestion } from '../../../../src/dns/name.ts'
import { createLoopFollower } from '../../../../src/forward/loop/follower.ts'
import { createTokens } from '../../../../src/forward/loop/probe-token.ts'
import type { Forwarded, ForwardQuestion } from '../../../../src/forward/types.ts'

const upstreams: Upstream[] = ['192.0.2.1', '192.0.2.2'].map((host) => ({
  host,
  port: 53,
  text: `${host}:53`,
}))
const [bad, good] = upstreams as [Upstream, Upstream]
const tokens = createTokens({ key: Buffer.alloc(16, 1), randomBytes })

function asking(name: string): ForwardQuestion {
  const query = encodeQuery(name, 'A', { id: 7 })
  return {
    ...{ query, question: readQuestion(query)!, edns: undefined, asker: '192.0.2.77' },
    route: {
      ...{ name: 'default', zone: undefined, explicit: false },
      ...{ upstreams, order: 'sequential' },
    },
  }
}

function follower({ verdict }: { verdict: string | undefined } = { verdict: bad.text }) {
  const caught: string[] = []
  const suspected: unknown[] = []
  const asked: string[][] = []
  const held: (() => void)[] = []
  const loops = createLoopFollower({
    isToken: tokens.isOurs,
    async tellCaught(token) {
      caught.push(token)
      return verdict
    },
    tellSuspect: (silent, name) => void suspected.push([silent, name]),
  })
  const forward = loops.around(({ route }) => {
    asked.push(route.upstreams.map(({ text }) => text))
    return new Promise<Forwarded>((resolve) =>
      held.push(() => resolve({ failure: 'all silent', reason: 'unreachable' })),
    )
  })
  return { loops, forward, caught, suspected, asked, held }
}

describe('a probe', () => {
  it('of ours is told, and answered when it is known whose it was', async () => {
    const { forward, caught, asked } = follower()
    const token = tokens.make()
    const result = await forward(asking(`berth-loop-${token}.${token.slice(0, 8)}`))
    expect(caught).toEqual([token])
    expect(result).toMatchObject({ failure: expect.stringContaining(bad.text), reason: 'failed' })
    expect(asked).toEqual([])
  })

  it('that nobody knows any more goes on as other questions do', async () => {
    const { forward, asked, held } = follower({ verdict: undefined })
    const result = forward(asking(`berth-loop-${tokens.make()}.example`))
    for (let i = 0; i < 5; i++) await Promise.resolve()
    expect(asked).toHaveLength(1)
    held[0]!()
    expect(await result).toMatchObject({ failure: 'all silent' })
  })

  it.each([
    ['another server', createTokens({ key: Buffer.alloc(16, 2), randomBytes }).make()],
    ['who guesses', '0123456789abcdef0123456789abcdef'],
    ['nobody', 'short'],
    ['one digit off', tokens.make().replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))],
  ])('of %s is none of ours, and nobody is told', (_, token) => {
    const { forward, caught, asked } = follower()
    void forward(asking(`berth-loop-${token}.example`))
    expect(caught).toEqual([])
    expect(asked).toHaveLength(1)
  })
})

it('upstreams that are put aside elsewhere are not asked here', async () => {
  const { loops, forward, asked } = follower()
  expect(upstreams.map(loops.stateOf)).toEqual(['unknown', 'unknown'])
  loops.follow({ aside: [bad.text], clear: [bad.text, good.text] })
  expect(upstreams.map(loops.stateOf)).toEqual(['looping', 'clear'])
  void forward(asking('www.example.org'))
  expect(asked).toEqual([[good.text]])
  loops.follow({ aside: [bad.text, good.text], clear: [] })
  expect(await forward(asking('www.example.org'))).toMatchObject({ reason: 'none' })
})

it('a question that came again while nobody answered is told, with who was silent', async () => {
  const { forward, suspected, held } = follower()
  const [first] = [forward(asking('a.example.org')), forward(asking('a.example.org'))]
  for (const release of held) release()
  await first
  expect(suspected).toEqual([[upstreams.map(({ text }) => text), 'a.example.org']])
})
