// A reply in a few words, as the corpus has them, and what is wrong with it.
import type { Reply } from '../../src/net/handler.ts'
import { flawsOf, walk } from './invariants.ts'

const options: Record<number, string> = { 3: 'nsid', 10: 'cookie', 11: 'keepalive' }
const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
export const rcodeText = (code: number) =>
  rcodes[code] ?? { 16: 'BADVERS', 23: 'BADCOOKIE' }[code] ?? `RCODE${code}`

/** "NXDOMAIN, soa, opt": rcode and sections, and what is wrong with it after a "!". */
export function describe(query: Buffer, reply: Reply, transport: 'udp' | 'tcp'): string {
  if (reply === undefined) return 'drop'
  if (query.length < 12) return `!answered`
  const flaws = flawsOf(query, reply, transport).map((flaw) => ` !${flaw}`)
  const walked = walk(reply)
  if (walked === undefined) return flaws.join('')
  const { records, questions, flags } = walked
  const opt = records.find(({ type }) => type === 41)
  const code = (flags & 15) | (((opt?.ttl ?? 0) >>> 24) << 4)
  const words = [rcodeText(code)]
  if (questions.length === 0) words.push('bare')
  const [answers, authority, additional] = [1, 2, 3].map((section) =>
    records.filter((record) => record.section === section && record !== opt),
  )
  if (answers!.length > 0) words.push(`${answers!.length} in answer`)
  if (authority!.some(({ type }) => type === 6)) words.push('soa')
  else if (authority!.length > 0) words.push(`${authority!.length} in authority`)
  if (additional!.length > 0) words.push(`${additional!.length} in additional`)
  if ((flags & 0x0200) !== 0) words.push('truncated')
  if (opt !== undefined) words.push('opt')
  for (const [option, data] of optionsOf(opt?.data ?? Buffer.alloc(0)))
    if (option === 10 && (data.length !== 24 || !query.includes(data.subarray(0, 8)))) words.push('!cookie')
    else words.push(option === 15 ? `ede ${data.readUInt16BE(0)}` : (options[option] ?? `option ${option}`))
  return words.join(', ') + flaws.join('')
}

function* optionsOf(data: Buffer): Generator<[number, Buffer]> {
  for (let at = 0; at + 4 <= data.length; at += 4 + data.readUInt16BE(at + 2))
    yield [data.readUInt16BE(at), data.subarray(at + 4, at + 4 + data.readUInt16BE(at + 2))]
}
