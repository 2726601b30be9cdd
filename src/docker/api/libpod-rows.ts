// Pure: rows of Podman's own API (libpod) → the shapes of Docker's (types.ts). They name a container's networks only.
import { isObject, isText, type ReportInvalid } from './fields.ts'
import type { ApiContainerRow, ApiEndpoint, ApiNetwork } from './types.ts'
import { readContainerRow, readNetwork } from './validate.ts'

/** Podman's own name of its default network, unless containers.conf gives it another, and Docker's. */
const defaultNetwork = { podman: 'podman', docker: 'bridge' }

/** A row of GET /libpod/networks/json. Of the default network's two names it has Podman's; it is listed under Docker's. */
export function readLibpodNetwork(told: unknown, wrong: ReportInvalid): ApiNetwork | undefined {
  if (!isObject(told)) return readNetwork(told, wrong)
  const subnets = Array.isArray(told.subnets) ? told.subnets : []
  const asDocker = {
    Id: told.id,
    Name: told.name === defaultNetwork.podman ? defaultNetwork.docker : told.name,
    Driver: told.driver,
    Scope: 'local',
    Internal: told.internal,
    IPAM: {
      Config: subnets.map((each: unknown) =>
        isObject(each) ? { Subnet: each.subnet, Gateway: each.gateway } : each,
      ),
      Options: told.ipam_options,
    },
    Options: told.options,
  }
  return readNetwork(asDocker, wrong)
}

/** A row of GET /libpod/containers/json: running or not, and since when, but no addresses. */
export function readLibpodRow(told: unknown, wrong: ReportInvalid): ApiContainerRow | undefined {
  if (!isObject(told)) return readContainerRow(told, wrong)
  const { Status: _, NetworkSettings: __, HostConfig: ___, ...rest } = told
  const row = readContainerRow(rest, wrong)
  if (row === undefined) return undefined
  const { StartedAt, Networks } = told
  const networks = Array.isArray(Networks) ? Networks.filter(isText) : []
  return { ...row, Libpod: { startedAt: typeof StartedAt === 'number' ? StartedAt : 0, networks } }
}

/** The row with the addresses that the networks tell of it: those of networks that it is on, and that know it. */
export function withMemberAddresses(row: ApiContainerRow, networks: readonly ApiNetwork[]): ApiContainerRow {
  const places: [string, ApiEndpoint][] = []
  for (const { Id, Name, Containers } of networks) {
    const member = Containers?.[row.Id]
    const names = Name === defaultNetwork.docker ? [Name, defaultNetwork.podman] : [Name]
    if (member === undefined || !names.some((name) => row.Libpod?.networks.includes(name))) continue
    const IPAddress = bare(member.IPv4Address)
    places.push([Name, { NetworkID: Id, IPAddress, GlobalIPv6Address: bare(member.IPv6Address) }])
  }
  return { ...row, NetworkSettings: { Networks: Object.fromEntries(places) } }
}

/** Without its prefix length. */
function bare(address: string | undefined): string | undefined {
  return address?.replace(/\/\d+$/, '')
}
