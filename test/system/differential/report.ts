// What came of a comparison: how many questions had which kind of answer, and what is wrong.

import type { Judged } from './compare.ts'
import type { Entry, Told } from './told.ts'

/** Names and types with such an answer of berth's, whatever the flags and ways. */
export function countKinds(
  judged: readonly Judged[],
): Record<'positive' | 'negative' | 'signed' | 'truncated', number> {
  const count = (holds: (judged: Judged) => boolean) =>
    new Set(judged.filter(holds).map(({ name, type }) => `${name} ${type}`)).size
  const isDenied = ({ rcode, authority }: Told) =>
    (rcode === 0 || rcode === 3) && authority.some(({ type }) => type === 'SOA')
  return {
    positive: count(({ berth: { whole } }) => whole.answer.length > 0 && !isDenied(whole)),
    negative: count(({ berth: { whole } }) => isDenied(whole)),
    signed: count(({ berth: { whole } }) => [...whole.answer, ...whole.authority].some(isSignature)),
    truncated: count(({ berth: { first } }) => first.truncated),
  }
}

const isSignature = ({ type }: Entry): boolean => type === 'RRSIG'

export function describe({ name, type, options, why, ...said }: Judged): string {
  const tell = ({ rcode, flags, truncated, edns, bytes, answer, authority }: Told) =>
    `${[rcode, flags, truncated ? 'TC' : '', edns, `${bytes} bytes`].join(' ')}` +
    [...answer, ...authority].map(({ ttl, text }) => `\n    ${ttl} ${text}`).join('')
  return [
    `${name} ${type} ${JSON.stringify(options)}: ${why.join(', ')}`,
    `  upstream ${tell(said.upstream)}`,
    `  peer ${tell(said.peer.whole)}`,
    `  berth ${tell(said.berth.whole)}`,
  ].join('\n')
}
