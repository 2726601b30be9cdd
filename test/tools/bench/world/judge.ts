// Pure: whether an answer is the one there is. Read with dns-packet, which is not how berth writes or reads them.
import { decode } from 'dns-packet'
import { canonicalAddress } from '../../../../src/lib/ip.ts'
import { isMissing } from './questions.ts'
import type { Record } from './world.ts'

/** What a server has to say to a question. */
export type Answers = (project: string, name: string, type: string) => Expected

export interface Expected {
  readonly rcode: 'NOERROR' | 'NXDOMAIN'
  readonly addresses: readonly string[]
}

/** Of the floor, and of the upstream (native/floor.c). */
export const fixedAddress = '192.0.2.1'
const fixed: Expected = { rcode: 'NOERROR', addresses: [fixedAddress] }

/** Of one who answers everything alike. */
export const fixedAnswers: Answers = () => fixed

/** Of one who knows the records, and asks the upstream for everything under `example`. */
export function answersFrom(records: ReadonlyMap<string, Record>): Answers {
  return (project, name, type) => {
    if (name.endsWith('.example')) return fixed
    const record = records.get(name)
    if (record === undefined) {
      if (isMissing(name)) return { rcode: 'NXDOMAIN', addresses: [] }
      throw new Error(`nobody should ask for ${name}`)
    }
    // It is asked for what another network has: a mistake of the benchmark.
    if (!name.startsWith(`${project}-`)) throw new Error(`${project} asks for ${name}`)
    const address = type === 'AAAA' ? record.v6 : record.v4
    return { rcode: 'NOERROR', addresses: address === undefined ? [] : [address] }
  }
}

/** What is wrong with a reply; undefined: nothing. */
export function faultIn(message: Buffer, project: string, answers: Answers): string | undefined {
  try {
    const {
      rcode,
      questions = [],
      answers: records = [],
      flag_qr: isReply,
      flag_tc: isCut,
    } = readPacket(message)
    const [question] = questions
    if (!isReply || question === undefined || questions.length !== 1) return 'no reply to one question'
    const { name, type } = question
    const expected = answers(project, name.toLowerCase(), type)
    const told = records.map((record) => `${record.type} ${dataOf(record)}`).sort()
    const right = expected.addresses.map((address) => `${type} ${address}`).sort()
    const same = rcode === expected.rcode && !isCut && told.join() === right.join()
    return same
      ? undefined
      : `${name} ${type}: ${rcode} [${told}]${isCut ? ', cut' : ''}, where ${expected.rcode} [${right}] is right`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** dns-packet writes IPv6 addresses in a way of its own. */
function dataOf(record: object): string {
  const data = 'data' in record ? String(record.data) : ''
  return canonicalAddress(data) ?? data
}

/** dns-packet tells the rcode's name; its types leave it out. */
function readPacket(message: Buffer) {
  return decode(message) as ReturnType<typeof decode> & { rcode: string }
}
