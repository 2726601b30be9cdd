// Datagrams that the kernel dropped because a socket's queue was full, from Linux's /proc/net.
import { readFileSync } from 'node:fs'

/**
 * Counts the drops of sockets on these ports; undefined: not known. The list of all sockets, which is long while much is
 * being forwarded, is read only after a drop somewhere in this network namespace.
 */
export function createSocketDrops(
  ports: () => ReadonlySet<number>,
  read: (file: string) => string = (file) => readFileSync(file, 'latin1'),
): () => number | undefined {
  let known: number | undefined
  let lost = 0
  return () => {
    try {
      const all = countAll(read('/proc/net/snmp'), read('/proc/net/snmp6'))
      if (all !== known) lost = countDrops(read('/proc/net/udp') + read('/proc/net/udp6'), ports())
      known = all
      return all === undefined ? undefined : lost
    } catch {
      return undefined
    }
  }
}

/** RcvbufErrors of `Udp:` (two lines: names, numbers) and Udp6RcvbufErrors. */
function countAll(snmp: string, snmp6: string): number | undefined {
  const [names, numbers] = snmp.split('\n').filter((line) => line.startsWith('Udp:'))
  const at = names?.split(' ').indexOf('RcvbufErrors') ?? -1
  if (at < 0 || numbers === undefined) return undefined
  const v6 = /^Udp6RcvbufErrors\s+(\d+)/m.exec(snmp6)?.[1]
  return Number(numbers.split(' ')[at]) + Number(v6 ?? 0)
}

/** A line is a socket: "  1: 0100007F:041D …", port in hexadecimal, the drops in the last column. */
function countDrops(sockets: string, ports: ReadonlySet<number>): number {
  let drops = 0
  for (const [, port, last] of sockets.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) .* (\d+) *$/gm)) {
    if (ports.has(Number.parseInt(port!, 16))) drops += Number(last)
  }
  return drops
}
