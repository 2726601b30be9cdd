// What is allowed but should be known: sentences that serve logs once and check prints. Pure.
import { parseAddress, parseSubnet, subnetContains } from '../lib/ip.ts'
import type { Config, HostPort } from './types.ts'
import { formatHostPort } from './values.ts'

/** Loopback, private, link-local and carrier-grade NAT space: not reached from the Internet. */
const inner = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].map((text) => parseSubnet(text)!)

export function listWarnings({ listen, scope, http, forward }: Config): string[] {
  const warnings: string[] = []
  const open = listen.filter(isOpen)
  if (scope.gateway === 'host' && open.length > 0) {
    warnings.push(
      `scope.gateway is host and ${show(open)} can be asked from elsewhere: whoever comes through a published port ` +
        'shows a gateway’s address and sees every name; publish on 127.0.0.1 only, or set scope.gateway to network',
    )
  }
  if (scope.allow.some(({ prefix }) => prefix === 0) && open.length > 0) {
    warnings.push(
      'scope.allow holds every address: an open resolver is used to attack others; name your subnets',
    )
  }
  if (http !== undefined && isOpen(http)) {
    warnings.push(
      `http is ${show([http])}: /metrics is read by whoever reaches it; callers of /api get their own scope only`,
    )
  }
  if (scope.allow.length > 0 && Array.isArray(forward.upstreams) && forward.upstreams.length === 0) {
    warnings.push('scope.allow lets questions be forwarded, but forward.upstreams is empty')
  }
  return warnings
}

function isOpen({ host }: HostPort): boolean {
  const address = parseAddress(host.replace(/%.*$/, ''))
  if (address === undefined || host === '::' || host === '0.0.0.0') return true
  return !inner.some((subnet) => subnetContains(subnet, address))
}

function show(addresses: readonly HostPort[]): string {
  return addresses.map(({ host, port }) => formatHostPort(host, port)).join(', ')
}
