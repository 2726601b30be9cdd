// Pure: on which of its networks a container has no IPv6, whatever address the engine assigned: a sysctl removes it from
// the interface, which the engine does not notice.
import type { Endpoint } from '../../registry/types.ts'
import type { ApiContainer, ApiEndpoint } from '../api/types.ts'

/** Ids of networks, or all that there are. */
export type Ipv6Disabled = 'all' | ReadonlySet<string>

const nowhere: ReadonlySet<string> = new Set()
const ofInterface = 'com.docker.network.endpoint.ifname'
const ofEndpoint = 'com.docker.network.endpoint.sysctls'

/**
 * `places`: network name, id, and what is told of the container's place there. "conf.default" does nothing to interfaces
 * that are there when it is set, and they are. Which "ethN" a network's is, is known of one network alone, or of the
 * first: that of the container's network mode.
 */
export function networksWithoutIpv6(
  host: ApiContainer['HostConfig'],
  places: readonly (readonly [name: string, id: string, place: ApiEndpoint])[],
): Ipv6Disabled {
  const disabled = new Set<string>()
  const sysctls = host?.Sysctls ?? {}
  for (const key in sysctls) addDisabled(disabled, key, sysctls[key]!)
  if (disabled.has('all')) return 'all'
  let found: Set<string> | undefined
  for (const [name, id, { DriverOpts }] of places) {
    if (disabled.size === 0 && !DriverOpts) continue
    const own = new Set<string>()
    for (const setting of DriverOpts?.[ofEndpoint]?.split(',') ?? []) {
      const [key = '', value = ''] = setting.split('=')
      addDisabled(own, key.trim(), value)
    }
    if (disabled.size + own.size === 0) continue
    const mode = host?.NetworkMode
    const isFirst = places.length === 1 || mode === name || mode === id
    const called = DriverOpts?.[ofInterface] ?? (isFirst ? 'eth0' : '')
    if (own.size === 0 && !disabled.has(called)) continue
    found = (found ?? new Set()).add(id)
  }
  return found ?? nowhere
}

/** The endpoints without the addresses that no interface has; the list itself where there are none. */
export function withoutIpv6(endpoints: readonly Endpoint[], disabledOn: Ipv6Disabled): readonly Endpoint[] {
  const isOff = ({ networkId, v6 }: Endpoint) =>
    v6.length > 0 && (disabledOn === 'all' || disabledOn.has(networkId))
  if (!endpoints.some(isOff)) return endpoints
  return endpoints.map((endpoint) => (isOff(endpoint) ? { ...endpoint, v6: [] } : endpoint))
}

/** The interface's name, if the sysctl takes IPv6 from it; for the kernel each number but 0 does. */
function addDisabled(names: Set<string>, key: string, value: string): void {
  const [, name] = /^net[./]ipv6[./]conf[./](.+)[./]disable_ipv6$/.exec(key) ?? []
  if (name !== undefined && value.trim() !== '' && Number(value) !== 0) names.add(name)
}
