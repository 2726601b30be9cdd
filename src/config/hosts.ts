// Reads an entry of `hosts:`, a static record.
import { networkKey } from '../dns/told.ts'
import { canonicalAddress } from '../lib/ip.ts'
import { suggestion } from '../lib/suggest.ts'
import { type Parsed, parseName } from './text-values.ts'
import { type Issues, isMap, readShortList, refuse } from './yaml-values.ts'

/** A static record. A wildcard's name is the part after "*.". */
export interface StaticHost {
  /** Lower case, no trailing dot. */
  readonly name: string
  readonly wildcard: boolean
  readonly v4: readonly string[]
  readonly v6: readonly string[]
  /** Only for clients on one of these networks (names in lower case); undefined: for all. */
  readonly networks: readonly string[] | undefined
}

function parseRecordAddress(item: string): Parsed<string> {
  const address = /[%/]/.test(item) ? undefined : canonicalAddress(item)
  return address === undefined
    ? { problem: `"${item}" is not an IP address; for example "192.0.2.1" or "2001:db8::1"` }
    : { value: address }
}

function parseNetworkName(item: string): Parsed<string> {
  return item === ''
    ? { problem: 'is empty; write the name of a Docker network' }
    : { value: networkKey(item) }
}

/** Per entry; an answer with more addresses is too large for most clients. */
const mostAddresses = 1000
const mostNetworks = 1000

const hostKeys = ['addresses', 'networks']

export function readHost(key: string, value: unknown, issues: Issues): StaticHost | undefined {
  const wildcard = key.startsWith('*.')
  const name = parseName(wildcard ? key.slice(2) : key)
  if ('problem' in name) return refuse(issues, `the name ${name.problem}`, key)
  let written = value
  let networks: string[] | undefined
  let at: PropertyKey[] = [key]
  if (isMap(value)) {
    for (const inner of Object.keys(value).filter((inner) => !hostKeys.includes(inner))) {
      refuse(
        issues,
        `unknown key${suggestion(inner, hostKeys, '; a host has addresses and networks')}`,
        key,
        inner,
      )
    }
    if (value.networks !== undefined && value.networks !== null) {
      const bound = { most: mostNetworks, of: 'networks' }
      networks = readShortList(value.networks, issues, parseNetworkName, 'backend', bound, key, 'networks')
      if (Array.isArray(networks) && networks.length === 0) {
        refuse(issues, 'is empty; name a network, or leave it out for everyone', key, 'networks')
      }
    }
    if (value.addresses === undefined)
      return refuse(issues, 'has no addresses; write addresses: ["192.0.2.1"]', key)
    written = value.addresses
    at = [key, 'addresses']
  }
  const bound = { most: mostAddresses, of: 'addresses' }
  const addresses = readShortList(written, issues, parseRecordAddress, '"192.0.2.1"', bound, ...at)
  if (!Array.isArray(addresses)) return undefined
  if (addresses.length === 0) return refuse(issues, 'has no addresses; for example "192.0.2.1"', ...at)
  const known = [...new Set(addresses)].filter((address) => typeof address === 'string')
  return {
    name: name.value,
    wildcard,
    v4: known.filter((address) => !address.includes(':')),
    v6: known.filter((address) => address.includes(':')),
    networks,
  }
}
