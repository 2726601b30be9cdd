// Names that labels may grant: the configured patterns, less the reserved names.
import type { NamePattern } from '../config/types.ts'
import { isBelow, isWithin } from '../dns/name.ts'

/** `isWildcard`: what is to be granted is everything below `name`, too. */
export function allowsName({ name: of, wildcard }: NamePattern, name: string, isWildcard: boolean): boolean {
  if (!wildcard) return !isWildcard && name === of
  return of === '' || isBelow(name, of) || (isWildcard && name === of)
}

/**
 * Names by which programs find out, unasked, where to send everything: a web proxy (WPAD), a tunnel (ISATAP, RFC 5214).
 * They try them below each domain of theirs.
 */
export function isDiscoveryName(name: string): boolean {
  return /^(wpad|isatap)(\.|$)/.test(name)
}

/** Names that mean something of their own to everybody (RFC 6761 and its kin), to Docker Desktop or to Podman. */
const reserved = [
  ...['localhost', 'invalid', 'onion', 'alt', 'local', 'arpa', 'docker.internal'],
  ...['dns.podman', 'containers.internal'],
]

/** The domain that the name is in, if it is one of those. */
export function reservedDomain(name: string): string | undefined {
  return reserved.find((domain) => isWithin(name, domain))
}
