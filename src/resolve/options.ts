// The EDNS options of a reply: a cookie (RFC 7873), the server's identifier (RFC 5001), how long a connection may be
// idle (RFC 7828). Each only for who sent it.
import type { Cookies } from '../dns/cookie.ts'
import { type Edns, encodeOption, optionCode } from '../dns/edns.ts'
import type { Query } from './query.ts'

/** A question's OPT with the reply's options in it, and whether its cookie proves where the asker is. */
export interface Answered {
  readonly edns: Edns
  readonly isProven: boolean
}

/** `nsid`: the identifier's bytes, none where it is not told. */
export function answerOptions(
  query: Query,
  edns: Edns,
  cookies: Cookies,
  nsid: Uint8Array | undefined,
): Answered {
  const { cookie, wantsNsid, wantsKeepalive } = edns
  const proof = cookie && cookies.answer(cookie, query.asker)
  const options: Buffer[] = []
  if (proof !== undefined) options.push(encodeOption(optionCode.cookie, proof.cookie))
  if (wantsNsid && nsid !== undefined) options.push(encodeOption(optionCode.nsid, nsid))
  if (wantsKeepalive && query.transport === 'tcp' && query.idle !== undefined) {
    options.push(encodeOption(optionCode.keepalive, tenthsOf(query.idle)))
  }
  const answered = options.length === 0 ? edns : { ...edns, reply: Buffer.concat(options) }
  return { edns: answered, isProven: proof?.good === true }
}

/** Units of 100 ms, two bytes. */
function tenthsOf(ms: number): Buffer {
  const tenths = Math.min(0xffff, Math.floor(ms / 100))
  return Buffer.of(tenths >> 8, tenths & 0xff)
}
