// What the kernel says it dropped.
import { expect, it } from 'vitest'
import { countLosses, readLosses } from '../../../src/lib/losses.ts'

const snmp = `Tcp: RtoAlgorithm RtoMin
Tcp: 1 200
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
Udp: 1000 5 40 900 38 0
UdpLite: InDatagrams RcvbufErrors
UdpLite: 0 99
`

it('is counted over both families', () => {
  expect(
    countLosses(snmp, 'Udp6InErrors                    \t9\nUdp6RcvbufErrors                \t4\n'),
  ).toBe(42)
  expect(countLosses(snmp, '')).toBe(38)
})

it('is not known where the kernel does not tell', () => {
  expect(countLosses('', '')).toBeUndefined()
  expect(countLosses('Udp: InDatagrams\nUdp: 5\n', '')).toBeUndefined()
})

it.runIf(process.platform === 'linux')('is told on Linux', () => {
  expect(readLosses()).toBeGreaterThanOrEqual(0)
})
