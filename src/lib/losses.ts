// Datagrams that the kernel dropped since it could not queue them, in this network namespace. Linux tells, others do not.
import { readFileSync } from 'node:fs'

/** UDP over IPv4 and IPv6 together; undefined where it is not told. */
export function readLosses(): number | undefined {
  try {
    return countLosses(readFileSync('/proc/net/snmp', 'latin1'), readFileSync('/proc/net/snmp6', 'latin1'))
  } catch {
    return undefined
  }
}

/** RcvbufErrors of `Udp:` (two lines: names, numbers) and Udp6RcvbufErrors. */
export function countLosses(snmp: string, snmp6: string): number | undefined {
  const [names, numbers] = snmp.split('\n').filter((line) => line.startsWith('Udp:'))
  const at = names?.split(' ').indexOf('RcvbufErrors') ?? -1
  if (at < 0 || numbers === undefined) return undefined
  const v6 = /^Udp6RcvbufErrors\s+(\d+)/m.exec(snmp6)?.[1]
  return Number(numbers.split(' ')[at]) + Number(v6 ?? 0)
}
