// When berth's answer counts as equal to Docker's, as better, or as different.
import { expect, it } from 'vitest'
import { judge, type Told } from '../../engine/compare/rules.ts'

const told = (rcode: string, records: string[] = [], soa = false): Told => ({ rcode, records, soa })
const judged = (type: string, docker: Told, berth: Told, shutIn = false) =>
  judge({ name: 'x', type, shutIn, docker, berth }).kind

const one = told('NOERROR', ['A 10.0.0.2'])
const nodata = told('NOERROR', [], true)
const bare = told('NOERROR')
const denied = told('NXDOMAIN', [], true)
const failed = told('SERVFAIL')
const silent = told('NONE')

it.each([
  ['the same address', 'A', one, one],
  ['the same denial', 'A', denied, denied],
  ['NODATA, with Docker’s lack of an SOA', 'MX', bare, nodata],
])('%s is equal', (_, type, docker, berth) => {
  expect(judged(type, docker, berth)).toBe('equal')
})

it.each([
  ['an address where Docker says that there is no such name', 'A', denied, one],
  ['an address where Docker fails', 'A', failed, one],
  ['a denial where Docker fails', 'A', failed, denied],
  ['a denial where Docker is silent', 'TXT', silent, denied],
  ['text where Docker is silent', 'TXT', silent, told('NOERROR', ['TXT ["x"]'])],
  ['a name without the type where Docker denies the name', 'TXT', denied, nodata],
  ['a service where Docker finds none', 'SRV', denied, told('NOERROR', ['SRV {}'])],
])('%s is better', (_, type, docker, berth) => {
  expect(judged(type, docker, berth)).toBe('better')
})

it.each([
  ['another address', 'A', one, told('NOERROR', ['A 10.0.0.3'])],
  ['one address of two', 'A', told('NOERROR', ['A 10.0.0.2', 'A 10.0.0.3']), one],
  ['two addresses for one', 'A', one, told('NOERROR', ['A 10.0.0.2', 'A 10.0.0.3'])],
  ['a denial of what Docker finds', 'A', one, denied],
  ['NODATA for what Docker finds', 'A', one, nodata],
  ['a failure where Docker finds something', 'A', one, failed],
  ['a failure where Docker denies', 'A', denied, failed],
  ['a failure where Docker fails', 'A', failed, failed],
  ['silence', 'A', failed, silent],
  ['a record of another type where Docker is silent', 'TXT', silent, told('NOERROR', ['A 10.0.0.2'])],
  ['a denial of a name that Docker has without the type', 'MX', bare, denied],
  ['NODATA without an SOA where Docker denies', 'TXT', denied, bare],
  ['a record of another type', 'A', denied, told('NOERROR', ['CNAME y'])],
  ['text where Docker finds none', 'TXT', denied, told('NOERROR', ['TXT ["x"]'])],
])('%s is different', (_, type, docker, berth) => {
  expect(judged(type, docker, berth)).toBe('different')
})

it('a denial that nobody may keep is better where the asker has no way out, and different where it has one', () => {
  expect(judged('A', one, told('NXDOMAIN'), true)).toBe('better')
  expect(judged('A', one, told('NXDOMAIN'))).toBe('different')
  expect(judged('A', one, denied, true)).toBe('different')
  expect(judged('A', one, told('NOERROR', ['A 10.0.0.3']), true)).toBe('different')
})

it('only an address that its container does not have may be left out', () => {
  const six = told('NOERROR', ['AAAA fd00::2'])
  const pair = { name: 'x', type: 'AAAA', shutIn: false, docker: six, berth: nodata }
  expect(judge({ ...pair, absent: true }).kind).toBe('better')
  expect(judge({ ...pair, absent: false }).kind).toBe('different')
  expect(judge({ ...pair, absent: true, berth: told('NOERROR', ['AAAA fd00::3']) }).kind).toBe('different')
  expect(judge({ ...pair, type: 'A', docker: one, absent: true }).kind).toBe('different')
})
