// When berth's answer is as good as that of Docker's own resolver, or better: rules over a question and both answers.
// No name is looked at. What no rule matches is different.

export interface Told {
  /** NOERROR, NXDOMAIN …; NONE where no reply came. */
  readonly rcode: string
  /** "A 10.0.0.2": the answer section's records, sorted. */
  readonly records: readonly string[]
  /** An SOA stands in the authority section. */
  readonly soa: boolean
}

export interface Pair {
  readonly name: string
  readonly type: string
  /** Every network of the asker is internal. */
  readonly shutIn: boolean
  /** What Docker tells is of addresses alone that no interface of their containers has. */
  readonly absent?: boolean
  readonly docker: Told
  readonly berth: Told
}

export type Verdict = { readonly kind: 'equal' | 'better' | 'different'; readonly why: string }

const failures = ['NONE', 'SERVFAIL', 'REFUSED']
export const isAddress = (type: string) => type === 'A' || type === 'AAAA'

/** A denial that a stub may keep for its SOA's time (RFC 2308). */
export const isDenial = ({ rcode, records, soa }: Told) =>
  records.length === 0 && (rcode === 'NXDOMAIN' || (rcode === 'NOERROR' && soa))

/** `docker` is the engine's own resolver, whichever that is. */
export interface Rule {
  readonly why: string
  holds(pair: Pair): boolean
}

const rules: readonly Rule[] = [
  {
    why: 'Docker has no answer at all (SERVFAIL, silence); berth says that there is nothing',
    holds: ({ docker, berth }) =>
      failures.includes(docker.rcode) &&
      berth.records.length === 0 &&
      ['NXDOMAIN', 'NOERROR'].includes(berth.rcode),
  },
  {
    why: 'Docker has no answer at all (SERVFAIL, silence); berth has one',
    holds: ({ type, docker, berth }) =>
      failures.includes(docker.rcode) &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      berth.records.some((record) => record.startsWith(`${type} `) || record.startsWith('UNKNOWN_')),
  },
  {
    why: 'Docker finds no such address; berth has it',
    holds: ({ type, docker, berth }) =>
      isAddress(type) &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      berth.records.every((record) => record.startsWith(`${type} `)),
  },
  {
    why: 'Docker finds no such service or name of an address; berth has it',
    holds: ({ type, docker, berth }) =>
      (type === 'SRV' || type === 'PTR') &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      berth.records.length > 0 &&
      berth.records.every((record) => record.startsWith(`${type} `)),
  },
  {
    why: 'Docker tells an IPv6 address that a sysctl took from its container; berth does not',
    holds: ({ type, absent, berth }) =>
      (type === 'AAAA' || type === 'PTR') && absent === true && isDenial(berth),
  },
  {
    why: 'Docker denies the whole name for a type that it lacks; berth says that only the type is missing',
    holds: ({ docker, berth }) =>
      docker.rcode === 'NXDOMAIN' &&
      docker.records.length === 0 &&
      berth.rcode === 'NOERROR' &&
      isDenial(berth),
  },
  {
    why: 'Docker 20.10 carries questions out of internal networks (CVE-2024-29018); berth does not, and lets nobody keep that',
    holds: ({ shutIn, berth }) =>
      shutIn && berth.rcode === 'NXDOMAIN' && berth.records.length === 0 && !berth.soa,
  },
]

export const judge = (pair: Pair): Verdict => judgeBy(rules, pair)

export function judgeBy(rules: readonly Rule[], pair: Pair): Verdict {
  const { docker, berth } = pair
  if (docker.rcode === berth.rcode && docker.records.join('\n') === berth.records.join('\n')) {
    return failures.includes(berth.rcode)
      ? { kind: 'different', why: 'both failed' }
      : { kind: 'equal', why: 'the same' }
  }
  const rule = rules.find(({ holds }) => holds(pair))
  return rule === undefined ? { kind: 'different', why: 'no rule' } : { kind: 'better', why: rule.why }
}
