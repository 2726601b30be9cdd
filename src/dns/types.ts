// The record types that berth names, by number and name (IANA "Resource Record (RR) TYPEs").

export const type = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  DS: 43,
  RRSIG: 46,
  DNSKEY: 48,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const

export const classIN = 1
export const classCH = 3

const names = new Map<number, string>(Object.entries(type).map(([name, code]) => [code, name]))

/** "A", "HTTPS", or "TYPE1000" (RFC 3597, 5). */
export function typeName(code: number): string {
  return names.get(code) ?? `TYPE${code}`
}

/** For metric labels: a fixed set, whatever clients send. */
export function typeLabel(code: number): string {
  return names.get(code) ?? 'other'
}

/** The number of a type, by its name in any case or "TYPE1000"; undefined if there is none. */
export function typeCode(text: string): number | undefined {
  const upper = text.toUpperCase()
  if (upper in type) return type[upper as keyof typeof type]
  const code = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return code !== undefined && Number(code) <= 0xffff ? Number(code) : undefined
}
