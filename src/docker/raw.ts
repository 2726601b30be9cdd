// What Docker's API answers, as far as berth reads it. Anything may be missing: engines and proxies differ.

/** A row of GET /networks, and GET /networks/ID (which alone has Containers, since API 1.28). */
export interface RawNetwork {
  Id: string
  Name: string
  Driver?: string
  /** "local", or "swarm" for networks that other nodes may change. */
  Scope?: string
  Internal?: boolean
  Ingress?: boolean
  IPAM?: { Config?: RawIpam[] | null } | null
  Options?: Record<string, string> | null
  /** By container id, or by a name such as "ingress-sbox"; addresses with prefix length. */
  Containers?: Record<string, { IPv4Address?: string; IPv6Address?: string }> | null
}

export interface RawIpam {
  Subnet?: string
  IPRange?: string
  Gateway?: string
}

/** A container's place on a network; rows of a list have no names in it. */
export interface RawEndpoint {
  /** Empty until the container's first start. */
  NetworkID?: string
  EndpointID?: string
  IPAddress?: string
  GlobalIPv6Address?: string
  Gateway?: string
  IPv6Gateway?: string
  Aliases?: string[] | null
  /** "target:alias"; on user-defined networks. */
  Links?: string[] | null
  /** API ≥ 1.44; null before the first start and on the default bridge. */
  DNSNames?: string[] | null
  /** API ≥ 1.48. */
  GwPriority?: number
}

export type RawEndpoints = Record<string, RawEndpoint | null> | null

/** GET /containers/ID/json */
export interface RawContainer {
  Id: string
  Name: string
  /** The image's id, "sha256:…"; its name is elsewhere. */
  Image?: string
  /** Which of the image's platforms it has: API ≥ 1.48, with containerd's image store. */
  ImageManifestDescriptor?: RawDescriptor | null
  State?: {
    Status?: string
    Running?: boolean
    Restarting?: boolean
    Dead?: boolean
    StartedAt?: string
    Health?: { Status?: string } | null
  }
  Config?: {
    Hostname?: string
    Labels?: Record<string, string> | null
    /** "80/tcp" → {} */
    ExposedPorts?: Record<string, unknown> | null
  }
  /** Links of the default bridge: "/target:/this/alias". */
  HostConfig?: { NetworkMode?: string; Links?: string[] | null }
  NetworkSettings?: { Networks?: RawEndpoints }
}

export interface RawDescriptor {
  platform?: { os?: string; architecture?: string; variant?: string } | null
}

/** GET /images/ID/json */
export interface RawImage {
  Config?: { Labels?: Record<string, string> | null } | null
}

/** A row of GET /containers/json */
export interface RawContainerRow {
  Id: string
  /** With a leading slash; legacy links add "/other/alias". */
  Names?: string[] | null
  State?: string
  /** "Up 5 seconds (healthy)" */
  Status?: string
  Labels?: Record<string, string> | null
  ImageID?: string
  ImageManifestDescriptor?: RawDescriptor | null
  HostConfig?: { NetworkMode?: string }
  NetworkSettings?: { Networks?: RawEndpoints } | null
}
