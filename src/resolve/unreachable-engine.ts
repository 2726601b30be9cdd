// What is not denied while an engine is away: names that an asker had on its networks when that was last in reach. It may
// be there still, or the address may be another's by now, so that it is neither told nor sent on: SERVFAIL, asked again.
import { rcode } from '../dns/header.ts'
import { type } from '../dns/types.ts'
import type { Context } from './context.ts'
import { type Decision, notReady, type Question } from './decision.ts'
import { answerLocally } from './local.ts'
import type { Statics } from './statics.ts'

const addressTypes: readonly number[] = [type.A, type.AAAA]

const outOfReach = 'a Docker engine is out of reach'

/**
 * What stands in the place of `decision`, which was made for the scope that the asker has now (`context`); undefined: that
 * stands. `former`: the same for its former scope.
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
  // What was not there either is denied as before.
  if (was?.kind !== 'answer' || was.rcode === rcode.NXDOMAIN) return undefined
  // A name that is there has one family or none of the asked: a stub that gets SERVFAIL for one gives up on both.
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
