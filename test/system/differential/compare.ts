// Asks the upstream, the peer and berth the same questions, many at once, and judges each pair of answers.
import type { AskOptions } from '../../tools/servers/client.ts'
import { type Asker, createAsker } from './asker.ts'
import { judge, type Pair, type Verdict } from './rules.ts'
import { readTold, type Said, type Told } from './told.ts'

export interface Ports {
  readonly upstream: number
  readonly peer: number
  readonly berth: number
}

export interface Question {
  readonly name: string
  readonly type: string
}

export interface Judged extends Pair, Verdict {}

const atOnce = 48

/** Without EDNS, small, as most ask, large, and over TCP. */
const ways: readonly AskOptions[] = [
  { udpBytes: undefined },
  { udpBytes: 512 },
  { udpBytes: 1232 },
  { udpBytes: 4096 },
  { udpBytes: 1232, tcp: true },
]

/** Every question with each of DO, CD and AD set or not; the ways go round, so that all of them meet all kinds. */
export function variants(questions: readonly Question[]): (Question & { options: AskOptions })[] {
  return questions.flatMap((question, n) =>
    Array.from({ length: 8 }, (_, flags) => ({
      ...question,
      options: {
        ...ways[(n + flags) % ways.length],
        dnssecOk: (flags & 1) !== 0,
        checkingDisabled: (flags & 2) !== 0,
        authenticData: (flags & 4) !== 0,
      },
    })),
  )
}

export async function compare(ports: Ports, asked: ReturnType<typeof variants>): Promise<Judged[]> {
  const askers = {
    upstream: createAsker(ports.upstream),
    peer: createAsker(ports.peer),
    berth: createAsker(ports.berth),
  }
  const judged: Judged[] = []
  let next = 0
  const work = async () => {
    while (next < asked.length) {
      const each = asked[next++]!
      judged.push(await compareOne(askers, each))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  for (const asker of Object.values(askers)) asker.close()
  return judged
}

async function compareOne(
  askers: Record<keyof Ports, Asker>,
  { name, type, options }: ReturnType<typeof variants>[number],
): Promise<Judged> {
  const direct = async () => {
    const edns = options.udpBytes === undefined ? undefined : 1232
    return readTold(await askers.upstream.ask(name, type, { ...options, udpBytes: edns, tcp: true }))
  }
  const say = async (asker: Asker): Promise<Said> => {
    const first = readTold(await asker.ask(name, type, options))
    const whole = first.truncated ? readTold(await asker.ask(name, type, { ...options, tcp: true })) : first
    return { first, whole }
  }
  const upstream = await direct()
  const [peer, berth] = await Promise.all([say(askers.peer), say(askers.berth)])
  const pair: Pair = { name, type, options, upstream, peer, berth }
  const verdict = judge(pair)
  if (verdict.kind !== 'different') return { ...pair, ...verdict }
  // The upstream may have asked anew meanwhile, or validated what it had.
  const later = { ...pair, upstream: latest(upstream, await direct()) }
  return { ...later, ...judge(later) }
}

/** What it said last, with the highest TTLs of both times: those come last. */
function latest(before: Told, after: Told): Told {
  const of = (section: 'answer' | 'authority') =>
    [...before[section], ...after[section]].sort((a, b) => a.ttl - b.ttl)
  return { ...after, answer: of('answer'), authority: of('authority') }
}
