// Reads what dig prints. Pure.

export type DigRecord = { name: string; ttl: number; type: string; data: string }
export type DigReply = {
  // As dig names it (NOERROR, NXDOMAIN, …); TIMEOUT when no reply came, be it silence or a closed port.
  rcode: string
  flags: string[]
  // Extended DNS errors by number (RFC 8914).
  ede: number[]
  answers: DigRecord[]
  authority: DigRecord[]
  additional: DigRecord[]
  raw: string
}

export function parseDig(raw: string): DigReply {
  const reply: DigReply = {
    rcode: 'TIMEOUT',
    flags: [],
    ede: [],
    answers: [],
    authority: [],
    additional: [],
    raw,
  }
  const sections: Record<string, DigRecord[]> = {
    ANSWER: reply.answers,
    AUTHORITY: reply.authority,
    ADDITIONAL: reply.additional,
  }
  let section: DigRecord[] | undefined
  for (const line of raw.split('\n')) {
    const heading = /^;; (\w+) (?:PSEUDO)?SECTION:/.exec(line)
    if (heading) section = sections[heading[1]!]
    const record = /^([^;\s]\S*)\s+(\d+)\s+\w+\s+(\S+)\s+(.*)$/.exec(line)
    if (record && section) {
      section.push({ name: record[1]!, ttl: Number(record[2]), type: record[3]!, data: record[4]! })
    }
    reply.rcode = /^;; ->>HEADER<<-.* status: (\w+)/.exec(line)?.[1] ?? reply.rcode
    const flags = /^;; flags: ([^;]*);/.exec(line)?.[1]
    if (flags !== undefined) reply.flags = flags.split(' ').filter(Boolean)
    const ede = /^; EDE: (\d+)/.exec(line)?.[1]
    if (ede) reply.ede.push(Number(ede))
  }
  return reply
}
