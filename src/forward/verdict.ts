// What an upstream's reply is worth to the question it replies to. Pure.
import { flag, flagsOf, rcode, rcodeName, rcodeOf } from '../dns/header.ts'
import type { Question } from '../dns/name.ts'
import {
  describeErrors,
  hasOpt,
  isCutShort,
  isReferral,
  misplacesOpt,
  readReply,
  replyCode,
  type UpstreamReply,
} from '../dns/relay.ts'
import type { Transport } from '../dns/writer.ts'
import { doubtful, type Objection, unread } from './edns-status.ts'

/** Codes that end a question: NOERROR, NXDOMAIN, and the name that a DNAME makes too long (RFC 6672, 2.2). */
export const answers = new Set<number>([rcode.NOERROR, rcode.NXDOMAIN, 6])
/** Errors that concern the question, not the server: it may serve its own names only. */
const ofQuestion = new Set<number>([rcode.FORMERR, rcode.NOTIMP, rcode.REFUSED, 9, 10])

interface Judged {
  readonly code: number
  /** The error may be about EDNS and AD: the same question without them may be answered. */
  readonly objection?: Objection
}

export type Verdict =
  | (Judged & { readonly kind: 'answer'; readonly reply: UpstreamReply })
  /** Truncated by the server, or cut short on the way: TCP brings all of it. */
  | (Judged & { readonly kind: 'partial'; readonly reply: UpstreamReply | undefined })
  /** A referral, or nothing at all: the server does not recurse. */
  | (Judged & { readonly kind: 'lame'; readonly reply: UpstreamReply })
  /** `isAmiss`: the fault is the server's own. */
  | (Judged & {
      readonly kind: 'refusal'
      readonly reply: UpstreamReply | undefined
      readonly why: string
      readonly isAmiss: boolean
    })

/** How it was asked. */
export interface Asked {
  readonly transport: Transport
  /** TCP has been tried. */
  readonly triedTcp: boolean
  /** Whether the server has lately taken a question with EDNS and AD; called for errors only. */
  isProven(): boolean
}

/** `query`, `question`: the client's. */
export function judgeReply(message: Buffer, query: Buffer, question: Question, asked: Asked): Verdict {
  const reply = readReply(message, question)
  const code = reply === undefined ? rcodeOf(message) : replyCode(reply)
  const isTruncated = (flagsOf(message) & flag.TC) !== 0
  const isCut = reply === undefined && !asked.triedTcp && isCutShort(message, question)
  const isPart = asked.transport === 'udp' && (isTruncated || isCut)
  if (isPart) return { kind: 'partial', code, reply }
  if (reply === undefined) {
    const isAmiss = !unread.has(code)
    const why = isAmiss ? 'malformed reply' : rcodeName(code)
    const mayBeUnread = !isAmiss || !asked.isProven() || misplacesOpt(message, question)
    const objection = doubtful.has(code) ? code : 'malformed'
    return { kind: 'refusal', code, reply, why, isAmiss, ...(mayBeUnread && { objection }) }
  }
  if (answers.has(code)) {
    const isLame = (flagsOf(query) & flag.RD) !== 0 && isReferral(reply)
    return { kind: isLame ? 'lame' : 'answer', code, reply }
  }
  const details = describeErrors(reply)
  const refusal = { code, reply, why: rcodeName(code) + details, isAmiss: !ofQuestion.has(code) }
  // A server that says why it failed has read the question.
  const mayBeUnread = isUnread(reply, code, details !== '' || asked.isProven())
  return { kind: 'refusal', ...refusal, ...(mayBeUnread && { objection: code }) }
}

/** Of a server that has not shown that it reads EDNS any error may be about it, unless its own OPT shows that it does. */
function isUnread(reply: UpstreamReply, code: number, isKnown: boolean): boolean {
  return unread.has(code) || (!isKnown && (doubtful.has(code) || !hasOpt(reply)))
}
