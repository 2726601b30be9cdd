// Reading dig's output (test/engine/dig.ts).
import { describe, expect, it } from 'vitest'
import { parseDig } from '../engine/dig.ts'

describe('parseDig', () => {
  it('reads header, sections and extended errors', () => {
    const raw = `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 50943
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 2

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
; EDE: 18 (Prohibited): (not for you)
;; QUESTION SECTION:
;Web.shop.\t\tIN\tA

;; ANSWER SECTION:
Web.shop.\t\t0\tIN\tA\t198.18.0.2
web.shop.\t\t60\tIN\tTXT\t"two words" "; and more"

;; AUTHORITY SECTION:
shop.\t\t\t30\tIN\tSOA\tns.shop. root.shop. 1 2 3 4 5

;; ADDITIONAL SECTION:
ns.shop.\t\t0\tIN\tAAAA\tfd00::1
`
    expect(parseDig(raw)).toEqual({
      rcode: 'NXDOMAIN',
      flags: ['qr', 'aa', 'rd'],
      ede: [18],
      answers: [
        { name: 'Web.shop.', ttl: 0, type: 'A', data: '198.18.0.2' },
        { name: 'web.shop.', ttl: 60, type: 'TXT', data: '"two words" "; and more"' },
      ],
      authority: [{ name: 'shop.', ttl: 30, type: 'SOA', data: 'ns.shop. root.shop. 1 2 3 4 5' }],
      additional: [{ name: 'ns.shop.', ttl: 0, type: 'AAAA', data: 'fd00::1' }],
      raw,
    })
  })

  it('says TIMEOUT when no reply came', () => {
    const raw = ';; communications error to 127.0.0.1#9: timed out\n;; no servers could be reached\n'
    expect(parseDig(raw)).toMatchObject({ rcode: 'TIMEOUT', flags: [], answers: [] })
  })
})
