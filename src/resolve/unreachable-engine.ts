// SERVFAIL in place of a denial while an engine is out of reach: for names on the networks that the asker was on before.
// The asker may be the same, or its address may have a new owner, so the name is neither answered nor forwarded.
import { rcode } from '../dns/header.ts'
import { type } from '../dns/types.ts'
import type { Context } from './context.ts'
import { type Decision, notReady, type Question } from './decision.ts'
import { answerLocally } from './local.ts'
import type { Statics } from './statics.ts'

const addressTypes: readonly number[] = [type.A, type.AAAA]

const outOfReach = 'a Docker engine is out of reach'

/**
 * What replaces `decision`, which was made in the asker's present scope (`context`); undefined: it stands. `former`: the
 * same question in its former scope.
 */
export function holdBackDenial(
  decision: Decision,
  question: Question,
  statics: Statics,
  context: Context,
  former: Context,
): Decision | undefined {
  if (decision.kind === 'answer') {
    if (decision.answers.length > 0 || decision.rcode === rcode.SERVFAIL) return undefined
  }
  const was = answerLocally(former, statics, question)
  // A name that did not exist before either is denied as always.
  if (was?.kind !== 'answer' || was.rcode === rcode.NXDOMAIN) return undefined
  // The name exists, if without this type: a stub that gets SERVFAIL for one address family gives up on both.
  if (decision.kind === 'answer' && decision.rcode === rcode.NOERROR) {
    if (was.answers.length === 0) return undefined
    if (addressTypes.includes(question.type) && hasAddress(context, question, statics)) return undefined
  }
  return notReady('on a network that the asker was on when its engine was last in reach', outOfReach)
}

function hasAddress(context: Context, question: Question, statics: Statics): boolean {
  return addressTypes.some((each) => {
    const found = answerLocally(context, statics, { ...question, type: each })
    return found?.kind === 'answer' && found.answers.length > 0
  })
}
