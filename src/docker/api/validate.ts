// Pure: JSON of an engine, or of whatever answers in its place → types.ts. An object without an id and a name is rejected.
import {
  type Fields,
  flag,
  isId,
  isObject,
  isText,
  list,
  longestLabel,
  longestText,
  number,
  object,
  type ReportInvalid,
  text,
  textMap,
  texts,
  without,
} from './fields.ts'
import type {
  ApiContainer,
  ApiContainerRow,
  ApiDescriptor,
  ApiEndpoint,
  ApiEndpoints,
  ApiInfo,
  ApiIpam,
  ApiMember,
  ApiNetwork,
} from './types.ts'
import { isOurs } from './wanted-json.ts'

const mostSubnets = 256

export function readContainer(told: unknown, wrong: ReportInvalid): ApiContainer | undefined {
  const known = identified(told, wrong)
  if (known === undefined) return undefined
  const { Id, all } = known
  const Name = all.Name
  if (!isText(Name)) return without('Name', wrong)
  const state = object(all.State, 'State', wrong)
  const config = object(all.Config, 'Config', wrong)
  const host = object(all.HostConfig, 'HostConfig', wrong)
  return {
    Id,
    Name,
    Image: text(all.Image, 'Image', wrong),
    ImageManifestDescriptor: readDescriptor(all.ImageManifestDescriptor, wrong),
    State: state && {
      Status: text(state.Status, 'State.Status', wrong),
      Running: flag(state.Running, 'State.Running', wrong),
      Restarting: flag(state.Restarting, 'State.Restarting', wrong),
      Dead: flag(state.Dead, 'State.Dead', wrong),
      StartedAt: text(state.StartedAt, 'State.StartedAt', wrong),
      Health: readHealth(state.Health, wrong),
    },
    Config: config && {
      Hostname: text(config.Hostname, 'Config.Hostname', wrong),
      Labels: textMap(config.Labels, 'Config.Labels', wrong),
      ExposedPorts: object(config.ExposedPorts, 'Config.ExposedPorts', wrong),
    },
    HostConfig: host && {
      NetworkMode: text(host.NetworkMode, 'HostConfig.NetworkMode', wrong),
      Links: texts(host.Links, 'HostConfig.Links', wrong),
      Sysctls: textMap(host.Sysctls, 'HostConfig.Sysctls', wrong),
    },
    NetworkSettings: readSettings(all.NetworkSettings, wrong),
  }
}

export function readContainerRow(told: unknown, wrong: ReportInvalid): ApiContainerRow | undefined {
  const known = identified(told, wrong)
  if (known === undefined) return undefined
  const { Id, all } = known
  const host = object(all.HostConfig, 'HostConfig', wrong)
  return {
    Id,
    Names: texts(all.Names, 'Names', wrong),
    State: text(all.State, 'State', wrong),
    Status: text(all.Status, 'Status', wrong),
    Labels: readOwnLabels(all.Labels, wrong),
    ImageID: text(all.ImageID, 'ImageID', wrong),
    ImageManifestDescriptor: readDescriptor(all.ImageManifestDescriptor, wrong),
    HostConfig: host && { NetworkMode: text(host.NetworkMode, 'HostConfig.NetworkMode', wrong) },
    NetworkSettings: readSettings(all.NetworkSettings, wrong),
  }
}

export function readNetwork(told: unknown, wrong: ReportInvalid): ApiNetwork | undefined {
  const known = identified(told, wrong)
  if (known === undefined) return undefined
  const { Id, all } = known
  const Name = all.Name
  if (!isText(Name)) return without('Name', wrong)
  const ipam = object(all.IPAM, 'IPAM', wrong)
  return {
    Id,
    Name,
    Driver: text(all.Driver, 'Driver', wrong),
    Scope: text(all.Scope, 'Scope', wrong),
    Internal: flag(all.Internal, 'Internal', wrong),
    Ingress: flag(all.Ingress, 'Ingress', wrong),
    IPAM: ipam && {
      Config: readSubnets(ipam.Config, wrong),
      Options: textMap(ipam.Options, 'IPAM.Options', wrong),
    },
    Options: textMap(all.Options, 'Options', wrong),
    Containers: readMembers(all.Containers, wrong),
  }
}

/** Labels that berth reads, of an image; undefined where it tells no configuration, which is not to have no labels. */
export function readImageLabels(told: unknown, wrong: ReportInvalid): Record<string, string> | undefined {
  const config = object(object(told, 'not an object', wrong)?.Config, 'Config', wrong)
  return config && (textMap(config.Labels, 'Config.Labels', wrong) ?? {})
}

/** Whether an image's inspect is of this platform (JSON, as in ImageRef), as far as it tells. */
export function isOfPlatform(told: unknown, platform: string, wrong: ReportInvalid): boolean {
  const image = object(told, 'not an object', wrong) ?? {}
  const wanted = JSON.parse(platform) as NonNullable<ApiDescriptor['platform']>
  const isSame = (is: unknown, of: string | undefined) => !is || of === undefined || is === of
  return (
    isSame(image.Os, wanted.os) &&
    isSame(image.Architecture, wanted.architecture) &&
    isSame(image.Variant, wanted.variant)
  )
}

function identified(told: unknown, wrong: ReportInvalid): { Id: string; all: Fields } | undefined {
  if (!isObject(told)) return without('not an object', wrong)
  return isId(told.Id) ? { Id: told.Id, all: told } : without('Id', wrong)
}

/** Of /info what says where its networks are. */
export function readInfo(told: Fields, wrong: ReportInvalid): ApiInfo {
  return {
    Name: text(told.Name, 'Name', wrong),
    OperatingSystem: text(told.OperatingSystem, 'OperatingSystem', wrong),
    SecurityOptions: texts(told.SecurityOptions, 'SecurityOptions', wrong),
    Rootless: flag(told.Rootless, 'Rootless', wrong),
  }
}

function readDescriptor(value: unknown, wrong: ReportInvalid): ApiDescriptor | undefined {
  const field = 'ImageManifestDescriptor'
  const platform = object(object(value, field, wrong)?.platform, field, wrong)
  if (platform === undefined) return undefined
  return {
    platform: {
      os: text(platform.os, field, wrong),
      architecture: text(platform.architecture, field, wrong),
      variant: text(platform.variant, field, wrong),
    },
  }
}

function readHealth(value: unknown, wrong: ReportInvalid) {
  const health = object(value, 'State.Health', wrong)
  return health && { Status: text(health.Status, 'State.Health.Status', wrong) }
}

function readSettings(value: unknown, wrong: ReportInvalid): { Networks: ApiEndpoints } | undefined {
  const field = 'NetworkSettings.Networks'
  const networks = object(object(value, 'NetworkSettings', wrong)?.Networks, field, wrong)
  if (networks === undefined) return undefined
  const places: [string, ApiEndpoint][] = []
  for (const name of Object.keys(networks)) {
    const told = name.length > longestText ? without(field, wrong) : object(networks[name], field, wrong)
    if (told !== undefined) places.push([name, readPlace(told, wrong)])
  }
  return { Networks: Object.fromEntries(places) }
}

function readPlace(told: Fields, wrong: ReportInvalid): ApiEndpoint {
  return {
    NetworkID: text(told.NetworkID, 'NetworkID', wrong),
    EndpointID: text(told.EndpointID, 'EndpointID', wrong),
    IPAddress: text(told.IPAddress, 'IPAddress', wrong),
    GlobalIPv6Address: text(told.GlobalIPv6Address, 'GlobalIPv6Address', wrong),
    Gateway: text(told.Gateway, 'Gateway', wrong),
    IPv6Gateway: text(told.IPv6Gateway, 'IPv6Gateway', wrong),
    Aliases: texts(told.Aliases, 'Aliases', wrong),
    Links: texts(told.Links, 'Links', wrong),
    DNSNames: texts(told.DNSNames, 'DNSNames', wrong),
    GwPriority: number(told.GwPriority, 'GwPriority', wrong),
    DriverOpts: textMap(told.DriverOpts, 'DriverOpts', wrong),
  }
}

function readSubnets(value: unknown, wrong: ReportInvalid): ApiIpam[] {
  return list(value, 'IPAM.Config', wrong)
    .slice(0, mostSubnets)
    .flatMap((told) => {
      const config = object(told, 'IPAM.Config', wrong)
      if (config === undefined) return []
      return {
        Subnet: text(config.Subnet, 'Subnet', wrong),
        IPRange: text(config.IPRange, 'IPRange', wrong),
        Gateway: text(config.Gateway, 'Gateway', wrong),
      }
    })
}

function readMembers(value: unknown, wrong: ReportInvalid): Record<string, ApiMember> | undefined {
  const told = object(value, 'Containers', wrong)
  if (told === undefined) return undefined
  const members = Object.keys(told).flatMap((id): [string, ApiMember][] => {
    const member = object(told[id], 'Containers', wrong)
    if (member === undefined) return []
    const IPv4Address = text(member.IPv4Address, 'IPv4Address', wrong)
    return [[id, { IPv4Address, IPv6Address: text(member.IPv6Address, 'IPv6Address', wrong) }]]
  })
  return Object.fromEntries(members)
}

/** Of the rows of a list, which are held all at once, only what is read. */
function readOwnLabels(value: unknown, wrong: ReportInvalid): Record<string, string> | undefined {
  const told = object(value, 'Labels', wrong)
  if (told === undefined) return undefined
  const kept: Record<string, string> = {}
  for (const key in told) {
    if (!isOurs(key) || key.length > longestText) continue
    const label = told[key]
    if (typeof label !== 'string') wrong('Labels')
    else if (label.length <= longestLabel) kept[key] = label
  }
  return kept
}
