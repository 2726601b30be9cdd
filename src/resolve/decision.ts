// What to do with a question, and why: the type, and the functions that make decisions of each kind.

import { type ExtendedError, ede } from '../dns/edns.ts'
import { type Rcode, rcode } from '../dns/header.ts'
import { isWithin } from '../dns/name.ts'
import { classIN, type } from '../dns/types.ts'
import { type Answer, addressRecord, anyRecord, nameServerRecord, soaRecord } from '../dns/writer.ts'
import type { Route } from '../forward/types.ts'
import { shuffle } from '../lib/shuffle.ts'
import type { Context } from './context.ts'
import { podmanDomain } from './podman.ts'

export interface Question {
  /** Canonical (dns/name). */
  readonly name: string
  readonly type: number
  readonly class: number
}

export type Decision = LocalAnswer | ForwardDecision

/** Answered here, with or without records. */
export interface LocalAnswer {
  readonly kind: 'answer'
  /** The metrics' label. */
  readonly source: 'local' | 'policy'
  readonly rcode: Rcode
  readonly answers: readonly Answer[]
  readonly authority: readonly Answer[]
  readonly additional?: readonly Answer[]
  readonly error?: ExtendedError
  /** A sentence on what decided, for people who ask why. Never sent to the client. */
  readonly rule: string
  readonly network?: string
  /** It holds for this moment alone: it depends on the upstreams, on our own addresses, or on time. */
  readonly isPassing?: boolean
  /** It depends on the whole table, not on the scope's networks and the sets of networks and projects alone. */
  readonly isWhole?: boolean
  /** Names to ask for instead. */
  readonly alternatives?: readonly string[]
}

export interface ForwardDecision {
  readonly kind: 'forward'
  readonly route: Route
  readonly rule: string
  /** Names of ours lie below it, so NXDOMAIN would deny them too (RFC 8020). */
  readonly isAbove?: boolean
  readonly isWhole?: boolean
}

/** Addresses of the asked family in random order; NODATA where the name has none of it. */
export function addressAnswer(
  context: Context,
  question: Question,
  addresses: { readonly v4: readonly string[]; readonly v6: readonly string[] },
  rule: string,
  { network, ttl = context.ttl }: { readonly network?: string; readonly ttl?: number } = {},
): Decision {
  const wanted = question.type === type.A ? addresses.v4 : question.type === type.AAAA ? addresses.v6 : []
  if (wanted.length === 0) return otherTypes(context, question, rule, network)
  const answers = shuffle([...new Set(wanted)], context.random).map((address) => addressRecord(address, ttl))
  return local(answers, rule, network)
}

export function local(answers: readonly Answer[], rule: string, network?: string) {
  const decision = {
    kind: 'answer',
    source: 'local',
    rcode: rcode.NOERROR,
    answers,
    authority: [],
    rule,
  } as const
  return network === undefined ? decision : { ...decision, network }
}

/** NODATA (NOERROR) or NXDOMAIN, with the SOA that lets stubs keep it for our TTL (RFC 2308). */
export function negative(
  context: Context,
  question: Question,
  code: Rcode,
  rule: string,
  network?: string,
  zone = enclosingZone(context.zone, question.name),
): Decision {
  const soa = soaRecord(zone, context.zone, context.serial, context.ttl)
  const decision = {
    kind: 'answer',
    source: 'local',
    rcode: code,
    answers: [],
    authority: [soa],
    rule,
  } as const
  return network === undefined ? decision : { ...decision, network }
}

/** The name exists without records of this type: NODATA, and for ANY one small record (RFC 8482). */
export function otherTypes(context: Context, question: Question, rule: string, network?: string): Decision {
  return question.type === type.ANY
    ? local([anyRecord(context.ttl)], rule, network)
    : negative(context, question, rcode.NOERROR, rule, network)
}

/**
 * In a zone that is served here so that no other server is asked (RFC 6303, 3): SOA and NS at its apex if it has one, and
 * nothing else.
 */
export function emptyZone(
  context: Context,
  question: Question,
  { zone, isEmpty }: { readonly zone: string; readonly isEmpty: boolean },
  rule: string,
): Decision {
  const isApex = isEmpty && question.name === zone
  if (isApex && question.type === type.SOA) {
    return local([soaRecord(zone, context.zone, context.serial, context.ttl)], rule)
  }
  if (isApex && question.type === type.NS) return local([nameServerRecord(zone, context.ttl)], rule)
  return negative(context, question, isApex ? rcode.NOERROR : rcode.NXDOMAIN, rule, undefined, zone)
}

/** An rcode without records. */
export function refusal(code: Rcode, error: ExtendedError, rule: string): Decision {
  return { kind: 'answer', source: 'policy', rcode: code, answers: [], authority: [], error, rule }
}

/** Names are not known yet: at SERVFAIL a stub asks again, NXDOMAIN it would believe. */
export function notReady(rule: string, text = 'not all names are known yet'): Decision {
  return refusal(rcode.SERVFAIL, { code: ede.notReady, text }, rule)
}

export const isInternet = (question: Question): boolean => question.class === classIN

/** The zone that a negative answer's SOA stands for: ours, the reverse tree, or the root for bare names. */
function enclosingZone(zone: string, name: string): string {
  for (const own of [zone, podmanDomain]) if (isWithin(name, own)) return own
  const tree = /(?:^|\.)((?:in-addr|ip6)\.arpa)$/.exec(name)
  return tree?.[1] ?? ''
}
