// Link-local addresses on links by name and number.
import type { LocalAddress } from '../../../src/lib/interfaces.ts'
import { parseSubnet } from '../../../src/lib/ip.ts'

export const interfacesWith = (links: readonly (readonly [name: string, zone: number])[]): LocalAddress[] =>
  links.map(([name, zone]) => ({
    ...{ address: 'fe80::1', interface: name, bindable: `fe80::1%${name}`, zone },
    ...{ unbindable: false, unaskable: false, subnet: parseSubnet('fe80::/64')! },
  }))
