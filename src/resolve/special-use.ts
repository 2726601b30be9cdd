// Special-use names (RFC 6761 and others) and the reverse zones of private addresses (RFC 6303, RFC 7793), which no public
// server is asked for.
import { isWithin } from '../dns/name.ts'
import { readReverse } from '../dns/reverse.ts'
import { parseSubnet, subnetContains } from '../lib/ip.ts'

/**
 * never: only a `forward.zones` entry of its own forwards such a name. lan: a server on the local network may be asked too.
 * `zone` is the empty zone that we serve in its place (RFC 6303, 3).
 */
export interface SpecialName {
  readonly leaves: 'never' | 'lan'
  readonly zone: string
  /** The zone itself exists and is empty: NODATA there, NXDOMAIN below. */
  readonly isEmpty: boolean
  /** Its delegation is public and unsigned, which validators check: the parent answers DS (RFC 8375, 4). */
  readonly delegated: boolean
  readonly source: string
}

const domains: readonly SpecialName[] = [
  { ...domain('invalid', 'RFC 6761, 6.4'), leaves: 'never' },
  { ...domain('test', 'RFC 6761, 6.2'), leaves: 'never' },
  { ...domain('onion', 'RFC 7686'), leaves: 'never' },
  { ...domain('alt', 'RFC 9476'), leaves: 'never' },
  domain('local', 'RFC 6762'),
  { ...domain('home.arpa', 'RFC 8375'), isEmpty: true, delegated: true },
]

function domain(zone: string, source: string): SpecialName {
  return { leaves: 'lan', zone, isEmpty: false, delegated: false, source }
}

/** Reverse zone → its addresses: RFC 6303, 4 and RFC 7793, cut where labels are. */
const reverseZones = [
  ...['0.0.0.0/8', '10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '255.255.255.255/32', '100.64.0.0/10'],
  ...['::/128', '::1/128', 'fd00::/8', 'fe80::/10', '2001:db8::/32'],
].map((text) => parseSubnet(text)!)

/** `name` is canonical. */
export function findSpecial(name: string): SpecialName | undefined {
  const found = domains.find(({ zone }) => isWithin(name, zone))
  if (found !== undefined || !name.endsWith('.arpa')) return found
  const block = readReverse(name)
  if (block === undefined) return undefined
  const range = reverseZones.find(
    (subnet) => block.prefix >= subnet.prefix && subnetContains(subnet, block.bytes),
  )
  if (range === undefined) return undefined
  const bitsEach = range.family === 4 ? 8 : 4
  const labels = Math.ceil(range.prefix / bitsEach)
  const zone = name
    .split('.')
    .slice(-labels - 2)
    .join('.')
  return { leaves: 'lan', zone, isEmpty: true, delegated: true, source: 'RFC 6303' }
}
