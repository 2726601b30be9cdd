// The EDNS options of a reply: a cookie (RFC 7873), the server's identifier (RFC 5001), how long a connection may be
// idle (RFC 7828). Each only in reply to the same option.
import type { Cookies } from '../dns/cookie.ts'
import { type Edns, encodeOption, optionCode } from '../dns/edns.ts'
import type { Query } from '../net/handler.ts'

/**
 * The question's OPT, with the reply's options and whether its cookie proves the client's address; the same object if it
 * has none of these options. `nsid`: the identifier's bytes; undefined: none is configured.
 */
export function replyOptions(query: Query, edns: Edns, cookies: Cookies, nsid: Uint8Array | undefined): Edns {
  const { cookie, wantsNsid, wantsKeepalive } = edns
  if (cookie === undefined && !wantsNsid && !wantsKeepalive) return edns
  const proof = cookie && cookies.answer(cookie, query.asker)
  const options: Buffer[] = []
  if (proof !== undefined) options.push(encodeOption(optionCode.cookie, proof.cookie))
  if (wantsNsid && nsid !== undefined) options.push(encodeOption(optionCode.nsid, nsid))
  if (wantsKeepalive && query.transport === 'tcp' && query.idle !== undefined) {
    options.push(encodeOption(optionCode.keepalive, tenthsOf(query.idle)))
  }
  return { ...edns, isProven: proof?.good === true, reply: Buffer.concat(options) }
}

/** Units of 100 ms, two bytes. */
function tenthsOf(ms: number): Buffer {
  const tenths = Math.min(0xffff, Math.floor(ms / 100))
  return Buffer.of(tenths >> 8, tenths & 0xff)
}
