// What is to be done with a question, and why: local and policy decide, the pipeline carries out, the API explains.

import type { Upstream } from '../config/types.ts'
import { type ExtendedError, ede } from '../dns/edns.ts'
import { type Rcode, rcode } from '../dns/header.ts'
import { isWithin } from '../dns/name.ts'
import { classIN, type } from '../dns/types.ts'
import { type Answer, addressRecord, anyRecord, nameServerRecord, soaRecord } from '../dns/writer.ts'
import type { Route } from '../forward/types.ts'
import { shuffle } from '../lib/shuffle.ts'
import type { Snapshot } from '../registry/types.ts'
import { podmanDomain } from './podman.ts'
import type { Scope } from './scope.ts'

export interface Question {
  /** Canonical (dns/name). */
  readonly name: string
  readonly type: number
  readonly class: number
}

/** `rule` says in a sentence what decided; for people who ask why, never for the asker. */
export type Decision =
  | {
      readonly kind: 'answer'
      /** The metrics' label. */
      readonly source: 'local' | 'policy'
      readonly rcode: Rcode
      readonly answers: readonly Answer[]
      readonly authority: readonly Answer[]
      readonly additional?: readonly Answer[]
      readonly error?: ExtendedError
      readonly rule: string
      readonly network?: string
      /** It holds for this moment alone, not until the table changes: it depends on which upstreams there are, or on time. */
      readonly isPassing?: boolean
      /** It depends on the whole table, not on the scope's networks and which networks and projects there are alone. */
      readonly isWhole?: boolean
      /** Names to ask for instead. */
      readonly alternatives?: readonly string[]
    }
  | {
      readonly kind: 'forward'
      readonly route: Route
      readonly rule: string
      /** Names of ours lie below it, so that NXDOMAIN is not to be said of it (RFC 8020). */
      readonly isAbove?: boolean
      readonly isWhole?: boolean
    }

/** Everything a decision depends on, at one moment. */
export interface Context {
  readonly scope: Scope
  /** The question's name has no meaning on the scope's networks (see meaning). */
  readonly isForeign: boolean
  /** Whether a network of this canonical name exists. */
  isNetwork(name: string): boolean
  /** Whether a Compose project of this canonical name exists, on whatever network. */
  isProject(name: string): boolean
  /**
   * The whole table. A decision that looks at it may be another with every change of the table, and so is kept no
   * longer than that; one that does not holds for as long as its scope's networks and the sets of networks and projects do.
   */
  whole(): Snapshot
  /** Whether it is a name of ours that has gone within the hour. A decision that it is holds for this moment alone. */
  isGone(name: string): boolean
  /** The same for the name of a network or of a project. */
  wasParent(name: string): boolean
  /** The default route's. A decision that looks at them, or at our own links, holds for this moment alone. */
  upstreams(): readonly Upstream[]
  /** Whether a link of ours holds the address. */
  isAttached(address: Uint8Array): boolean
  /** The whole table too, for saying why. What is decided must not depend on it. */
  readonly forReasons: Snapshot
  /** The table's version, for our SOA. */
  readonly serial: number
  readonly zone: string
  readonly ttl: number
  readonly health: 'ignore' | 'prefer' | 'require'
  /** [0, 1), for the order of addresses. */
  readonly random: () => number
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

/** A name that is there, without records of the asked type: NODATA, and to ANY one small record (RFC 8482). */
export function otherTypes(context: Context, question: Question, rule: string, network?: string): Decision {
  return question.type === type.ANY
    ? local([anyRecord(context.ttl)], rule, network)
    : negative(context, question, rcode.NOERROR, rule, network)
}

/**
 * What lies in a zone that is served here so that nobody else is asked (RFC 6303, 3): at its apex, where it has one, SOA
 * and NS, and nothing anywhere else.
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

/** Names are not known yet: SERVFAIL makes a stub ask again, NXDOMAIN would be believed. */
export function notReady(rule: string, text = 'not all names are known yet'): Decision {
  return refusal(rcode.SERVFAIL, { code: ede.notReady, text }, rule)
}

export const isAddressType = (code: number): boolean => code === type.A || code === type.AAAA
export const isInternet = (question: Question): boolean => question.class === classIN

/** The zone that a negative answer's SOA stands for: ours, the reverse tree, or the root for bare names. */
function enclosingZone(zone: string, name: string): string {
  for (const own of [zone, podmanDomain]) if (isWithin(name, own)) return own
  const tree = /(?:^|\.)((?:in-addr|ip6)\.arpa)$/.exec(name)
  return tree?.[1] ?? ''
}
