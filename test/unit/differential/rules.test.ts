// When berth's answer counts as equal to another forwarder's, as explained, or as different.
import { describe, expect, it } from 'vitest'
import { judge } from '../../system/differential/rules.ts'
import type { Entry, Told } from '../../system/differential/told.ts'
import type { AskOptions } from '../../tools/servers/client.ts'

const entry = (text: string, ttl = 60): Entry => ({ text, type: text.split(' ')[1]!, ttl })
const address = entry('x A 192.0.2.1')
const soa = entry('example SOA {}')

function told(changes: Partial<Told> = {}): Told {
  const plain = { rcode: 0, flags: 'QR RD RA AD', truncated: false, edns: 'OPT', bytes: 60 }
  return { ...plain, answer: [address], authority: [], ...changes }
}

const said = (whole: Told, first = whole) => ({ first, whole })

function judged(berth: Told, options: AskOptions = {}, peer = told(), upstream = told()) {
  const { kind, why } = judge({
    ...{ name: 'x', type: 'A', options, upstream },
    ...{ peer: said(peer), berth: said(berth) },
  })
  return kind === 'different' ? `different: ${why}` : kind
}

it.each([
  ['the same', told()],
  ['a lower TTL', told({ answer: [entry(address.text, 3)] })],
  ['a TTL that is two ticks of a clock higher', told({ answer: [entry(address.text, 62)] })],
  ['another size', told({ bytes: 80 })],
])('%s is equal', (_, berth) => {
  expect(judged(berth)).toBe('equal')
})

it.each<[string, Told, string]>([
  ['another rcode', told({ rcode: 3 }), 'rcode'],
  ['no AD', told({ flags: 'QR RD RA' }), 'flags'],
  ['AA', told({ flags: 'QR AA RD RA AD' }), 'flags'],
  ['no OPT', told({ edns: 'none' }), 'edns'],
  ['another address', told({ answer: [entry('x A 192.0.2.2')] }), 'answer'],
  ['no address', told({ answer: [] }), 'answer'],
  ['an address twice', told({ answer: [address, address] }), 'answer'],
  ['an SOA too many', told({ authority: [soa] }), 'authority'],
  ['a TTL above the upstream’s', told({ answer: [entry(address.text, 63)] }), 'TTL'],
])('%s is different', (_, berth, aspects) => {
  expect(judged(berth)).toBe(`different: ${aspects}`)
})

describe('with CD', () => {
  const cd = { checkingDisabled: true }
  const plain = told({ flags: 'QR RD RA CD' })
  const authentic = told({ flags: 'QR RD RA AD CD' })

  it('AD may be there or not, as the upstream happens to know it', () => {
    expect(judged(plain, cd, authentic, authentic)).toBe('explained')
    expect(judged(authentic, cd, plain, authentic)).toBe('explained')
  })

  it('but never where the upstream does not say so, nor may CD itself be lost, or anything else', () => {
    expect(judged(authentic, cd, plain, plain)).toBe('different: flags')
    expect(judged(told({ flags: 'QR RD RA' }), cd, plain, plain)).toBe('different: flags')
    expect(judged({ ...plain, rcode: 2 }, cd, authentic, authentic)).toBe('different: rcode')
  })
})

describe('an answer that is cut short', () => {
  const two = told({ answer: [address, entry('x A 192.0.2.2')] })
  const cut = told({ truncated: true, answer: [address] })
  const compare = (berthFirst: Told, peerFirst: Told) =>
    judge({
      ...{ name: 'x', type: 'A', options: {}, upstream: two },
      ...{ peer: said(two, peerFirst), berth: said(two, berthFirst) },
    })

  it('is equal where the other one is cut too, wherever', () => {
    expect(compare(cut, told({ truncated: true, answer: [] })).kind).toBe('equal')
  })

  it('is different where one of them is whole, or where it holds what the whole has not', () => {
    expect(compare(cut, two).why).toEqual(['truncation'])
    expect(compare(two, cut).why).toEqual(['truncation'])
    expect(compare({ ...cut, answer: [entry('x A 192.0.2.9')] }, cut).why).toEqual(['part'])
  })
})
