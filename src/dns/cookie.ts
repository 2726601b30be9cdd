// DNS cookies (RFC 7873) in RFC 9018's format: version 1, three reserved bytes, the time, and SipHash-2-4 over the
// client's cookie, these, and the client's address. A valid one proves that the client receives at its address.
import { hkdfSync } from 'node:crypto'
import { parseAddress } from '../lib/ip.ts'
import { sipHash24 } from './siphash.ts'

export const clientCookieBytes = 8
const serverCookieBytes = 16

/** Seconds for which a cookie is valid, and by which clocks may differ (RFC 9018, 4.3). */
const goodFor = 3600
const ahead = 300
/** Seconds after which a valid cookie is replaced by a fresh one (RFC 9018, 4.3). */
const freshFor = 1800
/** Seconds for which a secret is used (RFC 7873, 7.1: 36 days at most, one day recommended). */
const secretFor = 86_400

/** Whether a COOKIE option may have this length (RFC 7873, 5.2.2). */
export function isCookieLength(length: number): boolean {
  return length === clientCookieBytes || (length >= 16 && length <= 40)
}

/** A COOKIE option's data, 24 bytes. `client` is the client's cookie, `address` its address as 4 or 16 bytes. */
export function makeCookie(
  secret: Uint8Array,
  client: Uint8Array,
  address: Uint8Array,
  seconds: number,
): Buffer {
  const cookie = Buffer.alloc(clientCookieBytes + serverCookieBytes)
  cookie.set(client.subarray(0, clientCookieBytes))
  cookie[8] = 1
  cookie.writeUInt32BE(seconds % 0x1_0000_0000, 12)
  cookie.set(hashOf(secret, cookie, address), 16)
  return cookie
}

/** Whether `cookie`, an option's data, was made with this secret for this address, however long ago. */
export function isGenuine(secret: Uint8Array, cookie: Uint8Array, address: Uint8Array): boolean {
  if (cookie.length !== clientCookieBytes + serverCookieBytes || cookie[8] !== 1) return false
  const hash = hashOf(secret, cookie, address)
  let differs = 0
  for (let i = 0; i < 8; i++) differs |= hash[i]! ^ cookie[16 + i]!
  return differs === 0
}

/** Seconds since it was made, by serial number arithmetic (RFC 1982), which survives the year 2106. */
export function ageOf(cookie: Buffer, seconds: number): number {
  return (seconds - cookie.readUInt32BE(12)) | 0
}

/** Hashes the reserved bytes unchanged: later versions may use them (RFC 9018, 4.2). */
function hashOf(secret: Uint8Array, cookie: Uint8Array, address: Uint8Array): Uint8Array {
  const input = new Uint8Array(16 + address.length)
  input.set(cookie.subarray(0, 16))
  input.set(address, 16)
  return sipHash24(secret, input)
}

export interface CookieReply {
  /** The client sent a server cookie of ours that is still valid. */
  readonly good: boolean
  /** The COOKIE option's data for the reply. */
  readonly cookie: Buffer
}

export interface Cookies {
  /** Checks a COOKIE option's data, of a valid length, from a client at this address. */
  answer(cookie: Buffer, asker: string): CookieReply
}

export interface CookiesOptions {
  /** The secret of each day since 1970: 16 unpredictable bytes. */
  readonly secretOf: (day: number) => Uint8Array
  /** Seconds since 1970. */
  readonly seconds: () => number
}

/** Daily secrets derived from 16 random bytes, which processes share (RFC 9018, 5). */
export function secretsFrom(root: Uint8Array): CookiesOptions['secretOf'] {
  return (day) => new Uint8Array(hkdfSync('sha256', root, '', `cookie ${day}`, 16))
}

/** Makes cookies with the secret of the day; accepts those of the day before, too (RFC 9018, 5). */
export function createCookies({ secretOf, seconds }: CookiesOptions): Cookies {
  let day = Math.floor(seconds() / secretFor)
  let secret = secretOf(day)
  let previous = secretOf(day - 1)

  return {
    answer(cookie, asker) {
      const now = seconds()
      const today = Math.floor(now / secretFor)
      if (today !== day) {
        day = today
        secret = secretOf(day)
        previous = secretOf(day - 1)
      }
      const address = parseAddress(asker.split('%', 1)[0]!) ?? new Uint8Array(4)
      const fresh = () => makeCookie(secret, cookie, address, now)
      if (cookie.length !== clientCookieBytes + serverCookieBytes) return { good: false, cookie: fresh() }
      const age = ageOf(cookie, now)
      if (age > goodFor || age < -ahead) return { good: false, cookie: fresh() }
      if (isGenuine(secret, cookie, address)) return { good: true, cookie: age > freshFor ? fresh() : cookie }
      return {
        good: isGenuine(previous, cookie, address),
        cookie: fresh(),
      }
    },
  }
}
