// What one server said, as far as it is compared.
import { type DecodedPacket, decode } from 'dns-packet'
import { flag, flagsOf, rcodeOf } from '../../../src/dns/header.ts'

export interface Entry {
  /** Owner in lower case, type and data. */
  readonly text: string
  readonly type: string
  readonly ttl: number
}

/** What one server said. */
export interface Told {
  readonly rcode: number
  /** Of QR, AA, RD, RA, AD and CD, those that are set. */
  readonly flags: string
  readonly truncated: boolean
  /** "none", or "OPT" with its DO bit. */
  readonly edns: string
  readonly bytes: number
  readonly answer: readonly Entry[]
  readonly authority: readonly Entry[]
}

/** `first` came over the asked way; `whole` is the same, or what TCP gave where that was truncated. */
export interface Said {
  readonly first: Told
  readonly whole: Told
}

export function readTold(bytes: Buffer): Told {
  const packet = decode(bytes)
  const flags = flagsOf(bytes)
  const set = (['QR', 'AA', 'RD', 'RA', 'AD', 'CD'] as const).filter((name) => (flags & flag[name]) !== 0)
  const opt = packet.additionals?.find(({ type }) => type === 'OPT')
  return {
    rcode: rcodeOf(bytes),
    flags: set.join(' '),
    truncated: (flags & flag.TC) !== 0,
    edns: opt === undefined ? 'none' : opt.type === 'OPT' && opt.flag_do ? 'OPT DO' : 'OPT',
    bytes: bytes.length,
    answer: entries(packet.answers),
    authority: entries(packet.authorities),
  }
}

function entries(records: DecodedPacket['answers']): readonly Entry[] {
  return (records ?? []).map((record) => {
    const { name, type, ttl = 0, ...rest } = record as typeof record & { ttl?: number }
    return {
      text: `${name.toLowerCase()} ${type} ${JSON.stringify({ ...rest, flush: undefined })}`,
      type,
      ttl,
    }
  })
}
