// Podman's own names, wherever they are asked: its search domain, and what it calls the machine.
import { isBelow } from '../dns/name.ts'

/** Every container of a network with DNS has it in its search list, and Podman's resolver has all of its names below it. */
export const podmanDomain = 'dns.podman'

/** In each container's /etc/hosts, beside host.docker.internal. */
export const podmanMachine = 'host.containers.internal'

/** NAME of NAME.dns.podman. */
export function podmanName(name: string): string | undefined {
  return isBelow(name, podmanDomain) ? name.slice(0, -podmanDomain.length - 1) : undefined
}
