// When berth's answer is as good as another forwarder's. Rules look at the question and the answers, never at a name;
// what none of them explains is different.
import type { AskOptions } from '../../tools/servers/client.ts'
import type { Entry, Said, Told } from './told.ts'

export interface Pair {
  readonly name: string
  readonly type: string
  readonly options: AskOptions
  /** The common upstream's own answer, over TCP, asked just before, or just before and after. */
  readonly upstream: Told
  readonly peer: Said
  readonly berth: Said
}

/** What of an answer is compared. */
export type Aspect = 'rcode' | 'flags' | 'edns' | 'answer' | 'authority' | 'TTL' | 'truncation' | 'part'

interface Rule {
  readonly why: string
  readonly explains: readonly Aspect[]
  readonly holds: (pair: Pair) => boolean
}

const rules: readonly Rule[] = [
  {
    why: 'with CD the asker validates; AD tells whether somebody had asked without, and berth has it from its upstream',
    explains: ['flags'],
    holds: ({ options, upstream, peer, berth }) =>
      options.checkingDisabled === true &&
      withoutAd(berth.whole) === withoutAd(peer.whole) &&
      withoutAd(berth.first) === withoutAd(peer.first) &&
      (!hasAd(berth.whole) || hasAd(upstream)),
  },
]

const hasAd = ({ flags }: Told) => flags.includes(' AD')
const withoutAd = ({ flags }: Told) => flags.replace(' AD', '')

export interface Verdict {
  readonly kind: 'equal' | 'explained' | 'different'
  /** The rules that explain it, or the aspects that none does. */
  readonly why: readonly string[]
}

export function judge(pair: Pair): Verdict {
  const aspects = differences(pair)
  if (aspects.length === 0) return { kind: 'equal', why: [] }
  const found = rules.filter(
    ({ explains, holds }) => aspects.some((each) => explains.includes(each)) && holds(pair),
  )
  const left = aspects.filter((aspect) => !found.some(({ explains }) => explains.includes(aspect)))
  if (left.length > 0) return { kind: 'different', why: left }
  return { kind: 'explained', why: found.map(({ why }) => why) }
}

function differences({ upstream, peer, berth }: Pair): Aspect[] {
  const checks: Record<Aspect, boolean> = {
    rcode: berth.whole.rcode === peer.whole.rcode && berth.first.rcode === peer.first.rcode,
    flags: berth.whole.flags === peer.whole.flags && berth.first.flags === peer.first.flags,
    edns: berth.first.edns === peer.first.edns,
    answer: sameSet(berth.whole.answer, peer.whole.answer),
    authority: sameSet(berth.whole.authority, peer.whole.authority),
    TTL: isNotAbove(berth, upstream),
    truncation: berth.first.truncated === peer.first.truncated,
    part: !berth.first.truncated || isWithin(berth.first.answer, berth.whole.answer),
  }
  return (Object.keys(checks) as Aspect[]).filter((aspect) => !checks[aspect])
}

const sorted = (entries: readonly Entry[]) => entries.map(({ text }) => text).sort()
const sameSet = (a: readonly Entry[], b: readonly Entry[]) => sorted(a).join('\n') === sorted(b).join('\n')

const isWithin = (part: readonly Entry[], whole: readonly Entry[]) =>
  part.every(({ text }) => whole.some((each) => each.text === text))

/**
 * Both take off whole seconds, the upstream of its clock and berth of the time since the answer came: of one that left at
 * 0.99 and came at 1.01 the upstream has taken off three at 3.00, and berth one.
 */
const ticks = 2

function isNotAbove({ first, whole }: Said, upstream: Told): boolean {
  const most = new Map<string, number>()
  for (const { text, ttl } of [...upstream.answer, ...upstream.authority]) most.set(text, ttl)
  return [first, whole].every(({ answer, authority }) =>
    [...answer, ...authority].every(
      ({ text, ttl }) => ttl <= (most.get(text) ?? Number.POSITIVE_INFINITY) + ticks,
    ),
  )
}
