// Server cookies against the vectors of RFC 9018, appendix A, and their lives.
import { describe, expect, it } from 'vitest'
import {
  ageOf,
  createCookies,
  isCookieLength,
  isGenuine,
  makeCookie,
  secretsFrom,
} from '../../../src/dns/cookie.ts'
import { parseAddress } from '../../../src/lib/ip.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const secret = hex('e5e973e5a6b2a43f48e7dc849e37bfcf')

describe('RFC 9018, appendix A', () => {
  it.each([
    ['A.1', secret, '198.51.100.100', 1559731985, '2464c4abcf10c957010000005cf79f111f8130c3eee29480'],
    ['A.2', secret, '198.51.100.100', 1559734385, '2464c4abcf10c957010000005cf7a871d4a564a1442aca77'],
    ['A.3', secret, '203.0.113.203', 1559734700, 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e'],
    [
      'A.4',
      hex('445536bcd2513298075a5d379663c962'),
      '2001:db8:220:1:59de:d0f4:8769:82b8',
      1559741961,
      '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
    ],
  ])('%s: is made so', (_name, key, address, seconds, cookie) => {
    const bytes = parseAddress(address)!
    expect(makeCookie(key, hex(cookie), bytes, seconds).toString('hex')).toBe(cookie)
    expect(isGenuine(key, hex(cookie), bytes)).toBe(true)
  })

  it('A.3: reserved bytes are hashed as they came', () => {
    const cookie = hex('fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5')
    expect(isGenuine(secret, cookie, parseAddress('203.0.113.203')!)).toBe(true)
    cookie[9] = 0
    expect(isGenuine(secret, cookie, parseAddress('203.0.113.203')!)).toBe(false)
  })

  it('A.4: a cookie of the secret before is good, and answered with one of the new secret', () => {
    const now = 1559741961
    const secretOf = (day: number) =>
      hex(
        day < Math.floor(now / 86_400)
          ? 'dd3bdf9344b678b185a6f5cb60fca715'
          : '445536bcd2513298075a5d379663c962',
      )
    const cookies = createCookies({ secretOf, seconds: () => now })
    const sent = hex('22681ab97d52c298010000005cf7c57926556bd0934c72f8')
    expect(cookies.answer(sent, '2001:db8:220:1:59de:d0f4:8769:82b8')).toEqual({
      good: true,
      cookie: hex('22681ab97d52c298010000005cf7c609a6bb79d16625507a'),
    })
  })
})

describe('a server cookie', () => {
  const client = hex('0102030405060708')
  const start = 1_700_000_000
  let seconds = start
  const at = (time: number) => {
    seconds = time
  }
  const cookies = createCookies({ secretOf: () => secret, seconds: () => seconds })
  const fresh = () => cookies.answer(client, '192.0.2.1').cookie

  it('comes to who has none, and is good from the same address with the same client cookie', () => {
    at(start)
    const first = cookies.answer(client, '192.0.2.1')
    expect(first.good).toBe(false)
    expect(first.cookie).toHaveLength(24)
    expect(first.cookie.subarray(0, 8)).toEqual(client)
    expect(cookies.answer(first.cookie, '192.0.2.1')).toEqual({ good: true, cookie: first.cookie })
    expect(cookies.answer(first.cookie, '192.0.2.2').good).toBe(false)
    const other = Buffer.from(first.cookie)
    other[0] = 0xff
    expect(cookies.answer(other, '192.0.2.1').good).toBe(false)
  })

  it('is for a link-local address whatever its zone', () => {
    at(start)
    const { cookie } = cookies.answer(client, 'fe80::1%eth0')
    expect(cookies.answer(cookie, 'fe80::1%br-0').good).toBe(true)
    expect(cookies.answer(cookie, 'fe80::2%eth0').good).toBe(false)
  })

  it.each([
    [0, true, true],
    [1800, true, true],
    [1801, true, false],
    [3600, true, false],
    [3601, false, false],
    [-300, true, true],
    [-301, false, false],
  ])('of an age of %i s: good %s, kept %s', (age, good, kept) => {
    at(start)
    const cookie = fresh()
    at(start + age)
    const answer = cookies.answer(cookie, '192.0.2.1')
    expect(answer.good).toBe(good)
    expect(answer.cookie.equals(cookie)).toBe(kept)
  })

  it('is not good with any bit turned, of another version, or of another length', () => {
    at(start)
    const cookie = fresh()
    for (let bit = 0; bit < 8 * cookie.length; bit++) {
      const turned = Buffer.from(cookie)
      turned[bit >> 3]! ^= 1 << (bit & 7)
      expect(cookies.answer(turned, '192.0.2.1').good, `bit ${bit}`).toBe(false)
    }
    expect(cookies.answer(cookie.subarray(0, 16), '192.0.2.1').good).toBe(false)
    expect(cookies.answer(Buffer.concat([cookie, client]), '192.0.2.1').good).toBe(false)
  })

  it('outlives the wrap of its time', () => {
    const cookie = makeCookie(secret, client, parseAddress('192.0.2.1')!, 2 ** 32 + 10)
    expect(ageOf(cookie, 2 ** 32 + 20)).toBe(10)
    const late = makeCookie(secret, client, parseAddress('192.0.2.1')!, 2 ** 32 - 10)
    expect(ageOf(late, 2 ** 32 + 20)).toBe(30)
  })

  it('of two secrets ago is no longer good', () => {
    let now = start
    const first = Math.floor(start / 86_400)
    const secretOf = (day: number) => Buffer.alloc(16, day - first + 1)
    const rolling = createCookies({ secretOf, seconds: () => now })
    const { cookie } = rolling.answer(client, '192.0.2.1')
    now += 86_400
    expect(rolling.answer(client, '192.0.2.1').cookie.equals(cookie)).toBe(false)
    // As if they had been made just now, so that their age is not what rules them out.
    const remade = makeCookie(Buffer.alloc(16, 1), client, parseAddress('192.0.2.1')!, now)
    expect(rolling.answer(remade, '192.0.2.1').good).toBe(true)
    now += 86_400
    rolling.answer(client, '192.0.2.1')
    const again = makeCookie(Buffer.alloc(16, 1), client, parseAddress('192.0.2.1')!, now)
    expect(rolling.answer(again, '192.0.2.1').good).toBe(false)
  })
})

describe('secrets of one root', () => {
  it('are the same for all who have it, and others each day', () => {
    const [one, other] = [secretsFrom(hex('00'.repeat(16))), secretsFrom(Buffer.alloc(16))]
    const days = [20_000, 20_001, 20_002]
    expect(days.map((day) => one(day))).toEqual(days.map((day) => other(day)))
    expect(new Set(days.map((day) => Buffer.from(one(day)).toString('hex'))).size).toBe(3)
    expect(one(1)).toHaveLength(16)
    expect(secretsFrom(Buffer.alloc(16, 1))(1)).not.toEqual(one(1))
  })

  it('are not two halves alike', () => {
    const secret = Buffer.from(secretsFrom(Buffer.alloc(16, 5))(3))
    expect(secret.subarray(0, 8)).not.toEqual(secret.subarray(8))
  })
})

it('a COOKIE option has 8, or 16 to 40 bytes', () => {
  const valid = Array.from({ length: 50 }, (_, i) => i).filter(isCookieLength)
  expect(valid).toEqual([8, ...Array.from({ length: 25 }, (_, i) => 16 + i)])
})
