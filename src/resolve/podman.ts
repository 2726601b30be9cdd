// Podman's own names: its search domain, and its name for the host.
import { isBelow } from '../dns/name.ts'

/** In the search list of every container on a network with DNS; Podman's resolver has all names below it too. */
export const podmanDomain = 'dns.podman'

/** In each container's /etc/hosts, beside host.docker.internal. */
export const podmanMachine = 'host.containers.internal'

/** NAME of NAME.dns.podman. */
export function podmanName(name: string): string | undefined {
  return isBelow(name, podmanDomain) ? name.slice(0, -podmanDomain.length - 1) : undefined
}
