// What berth says about itself if configured to: the CHAOS names of RFC 4892. NSID is in edns-options.ts.
import { rcode } from '../dns/header.ts'
import { classCH, type } from '../dns/types.ts'
import { soaRecord, textRecord } from '../dns/writer.ts'
import { type Decision, local, type Question } from './decision.ts'

export interface Identity {
  /** Which of several servers this is; "": do not say. */
  readonly id: string
  /** Which program and version; "": do not say. */
  readonly version: string
}

const keys: Readonly<Record<string, keyof Identity>> = {
  'id.server': 'id',
  'hostname.bind': 'id',
  'version.server': 'version',
  'version.bind': 'version',
}

/** undefined for other names, and for what is not configured. */
export function answerChaos(identity: Identity, question: Question): Decision | undefined {
  const key = question.class === classCH ? keys[question.name] : undefined
  const text = key === undefined ? '' : identity[key]
  if (text === '') return undefined
  const rule = `identity.${key}`
  if (question.type === type.TXT || question.type === type.ANY) return local([textRecord(text, 0)], rule)
  const soa = soaRecord(question.name, question.name, 0, 0)
  return { ...local([], rule), rcode: rcode.NOERROR, authority: [soa] }
}
