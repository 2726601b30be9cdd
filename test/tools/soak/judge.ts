// Whether an answer was right at its time, by the history of the engine's events. Pure.
import type { Asked } from './client.ts'
import type { History, Span } from './history.ts'

/** How late an answer may be, ms. */
export const slack = 1_000

export interface Question {
  readonly networkId: string
  /** Without network and zone. */
  readonly name: string
}

/** A time in which berth could not know: the engine was away, or its stream was cut; slack counts from its end. */
export interface Gap {
  readonly from: number
  to: number
}

/** What makes an answer without an address wrong. */
export function mustBeThere(
  history: History,
  { networkId, name }: Question,
  { sentAt, cameAt }: Pick<Asked, 'sentAt' | 'cameAt'>,
): Span | undefined {
  const spans = history.spans(networkId, name)
  return spans.find(({ sureFrom, to }) => sureFrom <= sentAt - slack && to >= cameAt)
}

/** What is wrong with an answer, in a sentence; undefined where nothing is. */
export function judge(
  history: History,
  { networkId, name }: Question,
  asked: Asked,
  gaps: readonly Gap[],
): string | undefined {
  const { sentAt, cameAt, rcode, addresses } = asked
  // What was known before a gap may be told until its end and a second.
  if (gaps.some((gap) => sentAt <= gap.to + slack && cameAt >= gap.from)) return undefined
  const spans = history.spans(networkId, name)
  if (rcode === 'NXDOMAIN' || (rcode === 'NOERROR' && addresses.length === 0)) {
    const there = mustBeThere(history, { networkId, name }, asked)
    if (there === undefined) return undefined
    const said = rcode === 'NXDOMAIN' ? rcode : 'no address'
    return `${said}, though the engine had told of it (${there.address}) ${Math.round(sentAt - there.sureFrom)} ms before`
  }
  if (rcode !== 'NOERROR') return `${rcode}`
  const recent = spans.filter(({ from, to }) => to >= sentAt - slack && from <= cameAt)
  for (const address of addresses) {
    if (recent.some((span) => span.address === address || span.address === undefined)) continue
    const last = spans.filter((span) => span.address === address).sort((a, b) => b.to - a.to)[0]
    return last === undefined
      ? `${address}, which it never had`
      : `${address}, which had left it ${Math.round(sentAt - last.to)} ms before`
  }
  return undefined
}
