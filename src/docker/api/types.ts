// The parts of Docker's API answers that berth reads. validate.ts makes these: each field has its type, or is absent.

/** A row of GET /networks, and GET /networks/ID (which alone has Containers, since API 1.28). */
export interface ApiNetwork {
  Id: string
  Name: string
  Driver?: string | undefined
  /** "local", or "swarm" for networks that other nodes may change. */
  Scope?: string | undefined
  Internal?: boolean | undefined
  Ingress?: boolean | undefined
  /** `Options` are null or empty with Docker; Podman tells its IPAM driver there: "host-local", "dhcp", "none". */
  IPAM?:
    | { Config?: ApiIpam[] | null | undefined; Options?: Record<string, string> | null | undefined }
    | null
    | undefined
  Options?: Record<string, string> | null | undefined
  /** By container id, or by a name such as "ingress-sbox"; addresses with prefix length. */
  Containers?: Record<string, ApiMember> | null | undefined
}

export interface ApiMember {
  IPv4Address?: string | undefined
  IPv6Address?: string | undefined
}

export interface ApiIpam {
  Subnet?: string | undefined
  IPRange?: string | undefined
  Gateway?: string | undefined
}

/** A container's place on a network; rows of a list have no names in it. */
export interface ApiEndpoint {
  /** Empty until the container's first start. */
  NetworkID?: string | undefined
  EndpointID?: string | undefined
  IPAddress?: string | undefined
  GlobalIPv6Address?: string | undefined
  Gateway?: string | undefined
  IPv6Gateway?: string | undefined
  Aliases?: string[] | null | undefined
  /** "target:alias"; on user-defined networks. */
  Links?: string[] | null | undefined
  /** API ≥ 1.44; null before the first start and on the default bridge. */
  DNSNames?: string[] | null | undefined
  /** API ≥ 1.48. */
  GwPriority?: number | undefined
  /** Given with `--network name=…,driver-opt=…`. */
  DriverOpts?: Record<string, string> | null | undefined
}

export type ApiEndpoints = Record<string, ApiEndpoint | null> | null

/** GET /containers/ID/json */
export interface ApiContainer {
  Id: string
  Name: string
  /** Of the pod that it holds the namespaces of; Podman's own API has it (client.ts). */
  PodName?: string | undefined
  /** The image's id, "sha256:…"; its name is elsewhere. */
  Image?: string | undefined
  /** Which of the image's platforms it has: API ≥ 1.48, with containerd's image store. */
  ImageManifestDescriptor?: ApiDescriptor | undefined
  State?:
    | {
        Status?: string | undefined
        Running?: boolean | undefined
        Restarting?: boolean | undefined
        Dead?: boolean | undefined
        StartedAt?: string | undefined
        Health?: { Status?: string | undefined } | null | undefined
      }
    | undefined
  Config?:
    | {
        Hostname?: string | undefined
        Labels?: Record<string, string> | null | undefined
        /** "80/tcp" → {} */
        ExposedPorts?: Record<string, unknown> | null | undefined
      }
    | undefined
  /** Links of the default bridge: "/target:/this/alias". */
  HostConfig?:
    | {
        NetworkMode?: string | undefined
        Links?: string[] | null | undefined
        Sysctls?: Record<string, string> | null | undefined
      }
    | undefined
  NetworkSettings?: { Networks?: ApiEndpoints | undefined } | undefined
}

export interface ApiDescriptor {
  platform?:
    | { os?: string | undefined; architecture?: string | undefined; variant?: string | undefined }
    | undefined
}

/** A row of GET /containers/json */
export interface ApiContainerRow {
  Id: string
  /** With a leading slash; legacy links add "/other/alias". */
  Names?: string[] | null | undefined
  State?: string | undefined
  /** "Up 5 seconds (healthy)" */
  Status?: string | undefined
  Labels?: Record<string, string> | null | undefined
  ImageID?: string | undefined
  ImageManifestDescriptor?: ApiDescriptor | undefined
  HostConfig?: { NetworkMode?: string | undefined } | undefined
  NetworkSettings?: { Networks?: ApiEndpoints | undefined } | null | undefined
  /** Only of a row of Podman's own list (libpod), which tells no addresses. */
  Libpod?: LibpodRow
}

export interface LibpodRow {
  /** Seconds since 1970. */
  readonly startedAt: number
  /** Names of networks. */
  readonly networks: readonly string[]
}

/** GET /info */
export interface ApiInfo {
  /** The host's. */
  Name?: string | undefined
  OperatingSystem?: string | undefined
  /** "name=rootless" among them where it is. */
  SecurityOptions?: string[] | undefined
  /** Podman's alone. */
  Rootless?: boolean | undefined
}

/** An image as a container refers to it. */
export interface ImageRef {
  /** "sha256:…" */
  readonly id: string
  /** JSON, where the engine tells which of the image's platforms the container has (API 1.48). */
  readonly platform: string | undefined
}

export type Labels = Readonly<Record<string, string>>

/** The image's labels; or it no longer exists, or the engine or a proxy refuses the inspect. */
export type ImageReply = Labels | 'gone' | 'refused'
