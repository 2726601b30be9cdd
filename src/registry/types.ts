// The types of the name table: what engines report (inventory), and what questions are answered from (Snapshot).
import type { Subnet } from '../lib/ip.ts'
import type { PersistentMap } from '../lib/persistent.ts'
import type { SubnetIndex } from './subnets.ts'

/** A Docker network as the engine tells it. Addresses are canonical (lib/ip). */
export interface Network {
  readonly id: string
  readonly name: string
  /** The engine's name in the configuration. */
  readonly engine: string
  readonly driver: string
  readonly internal: boolean
  /** Without a way out: internal, or a macvlan or ipvlan network without a parent. */
  readonly sealed: boolean
  /** Its addresses are those of a LAN that its parent interface is on: macvlan, and ipvlan but in its modes l3 and l3s. */
  readonly onLan: boolean
  /** Who has an address on it has a way out in that family, though no gateway is told: it counts as one in Docker's order. */
  readonly hasImplicitGateway: boolean
  /** Swarm's routing mesh: never holds names. */
  readonly ingress: boolean
  /** Docker's own resolver answers for names on it: on all networks but the default bridge. */
  readonly hasResolver: boolean
  readonly subnets: readonly Subnet[]
  /** Gateway addresses: IPAM's, those its endpoints use, and the subnet's first address where none is told. */
  readonly gateways: readonly string[]
  /** Docker gives its bridge no IPv4 address: whose the gateway's is, an engine does not tell. */
  readonly inhibited: boolean
  /** The bridge's interface name on the engine's host, where the driver is bridge. */
  readonly bridge: string | undefined
  /** docker_gwbridge only: address → container id. Its members' own inspect does not show them. */
  readonly members: ReadonlyMap<string, string> | undefined
}

/** A container's place on one network. A stopped container's has names but no addresses. */
export interface Endpoint {
  readonly networkId: string
  readonly containerId: string
  /** Docker's order, Docker's case; the first is canonical (the PTR). */
  readonly names: readonly string[]
  /** The engine tells these names as its own resolver's, which it has on the default bridge too, after a rename. */
  readonly namesFromEngine: boolean
  readonly v4: readonly string[]
  readonly v6: readonly string[]
  /** Higher goes first; 0 where the engine has no such thing (API < 1.48). */
  readonly gatewayPriority: number
  /** In how many families a default gateway is told of here: 0, 1 or 2. Counts in Docker's network order. */
  readonly gatewayFamilies: number
  /** Links: canonical alias → what Docker's `target:alias` names. Seen by this container alone, on this network. */
  readonly links: ReadonlyMap<string, string>
}

/** A port that a container exposes, or that a label names. */
export interface Port {
  readonly number: number
  readonly protocol: Protocol
  /** From a label `berth.port.NAME`, lower case. */
  readonly name: string | undefined
}

export type Protocol = 'tcp' | 'udp' | 'sctp'

/** What a container's `berth.*` labels grant it. */
export interface LabelSettings {
  /** More names on all of its networks, canonical. */
  readonly names: readonly string[]
  /** What wildcards stand below: "b" for "*.b", canonical. */
  readonly wildcards: readonly string[]
  /** Out of the table; as an asker it is served like any other. */
  readonly ignored: boolean
  /** Seconds; undefined: the configuration's. */
  readonly ttl: number | undefined
}

/** A label, or one of the names in it, that grants nothing. */
export interface UngrantedLabel {
  readonly label: string
  readonly value: string
  /** A sentence. */
  readonly why: string
}

export type Health = 'starting' | 'healthy' | 'unhealthy' | 'none'

export interface Container {
  readonly id: string
  readonly name: string
  readonly engine: string
  /** Has a network namespace: running, paused; not created, exited, dead, or between restarts. */
  readonly running: boolean
  readonly health: Health
  /** Those that say of which service it is; an image's own are not among them. */
  readonly labels: Readonly<Record<string, string>>
  readonly settings: LabelSettings
  /** For whoever asks why a label has no effect. */
  readonly ungranted: readonly UngrantedLabel[]
  readonly ports: readonly Port[]
  /** Later starts on one engine have greater numbers, about nanoseconds since 1970; undefined: not told. */
  readonly startedAt: bigint | undefined
  /** Name or id of the container in whose network namespace it lives (`--network container:X`). */
  readonly sharesNetworkOf: string | undefined
  /** In a snapshot, where it shares, that one's places under its own names. */
  readonly endpoints: readonly Endpoint[]
}

/** Everything one engine told, by id. What did not change stays the same object. */
export interface EngineInventory {
  readonly networks: ReadonlyMap<string, Network>
  readonly containers: ReadonlyMap<string, Container>
}

/**
 * What has become otherwise, as plain data that a structured clone carries. `told`: by id, undefined for what is gone;
 * the first one marks its engine synced, any one in reach. `away`: an engine is out of reach, or back. `engines`: these
 * are the engines now, of which those that stay keep their order; those that are not in `remote` are local. `version`: the
 * snapshot's, for a replica.
 */
export type StoreChange =
  | {
      readonly kind: 'update'
      readonly engine: string
      readonly networks: readonly (readonly [id: string, network: Network | undefined])[]
      readonly containers: readonly (readonly [id: string, container: Container | undefined])[]
      /** More of the same full list follows; until then the engine is as much synced and in reach as before. */
      readonly unfinished?: boolean
    }
  | { readonly kind: 'away'; readonly engine: string; readonly away: boolean }
  | {
      readonly kind: 'engines'
      readonly engines: readonly string[]
      readonly remote: RemoteEngines
    }
  | { readonly kind: 'version'; readonly version: number }

/** Whether packets of this machine get to an engine's bridge networks: not as far as is known, or by routes. */
export type Reach = 'none' | 'routed'

/** Of the engines those that run elsewhere. */
export type RemoteEngines = readonly (readonly [engine: string, reach: Reach])[]

export interface EngineStatus {
  /** The first full list has been read. */
  readonly synced: boolean
  /** Out of reach for 5 s or more: its addresses may have new owners. */
  readonly away: boolean
  /** It runs on another machine: what it tells are answers, never who an asker is. undefined: a local engine. */
  readonly remote: Reach | undefined
}

/**
 * One network's names, and all that answers from them depend on: the same object from one snapshot to the next as long
 * as nothing about the network or any container on it changes, and another one as soon as something does.
 */
export interface NetworkTable {
  readonly network: Network
  /** Its members by id, stopped ones included. */
  readonly containers: PersistentMap<Container>
  /** The network's own name, canonical (dns/name). */
  readonly name: string
  /** Names that Docker's own resolver answers → the running endpoints that have it, here and below by container id. */
  readonly names: PersistentMap<readonly Endpoint[]>
  /** Names that it does not know: on the default bridge, and of containers in another's network namespace. */
  readonly added: PersistentMap<readonly Endpoint[]>
  /** Compose's SERVICE.PROJECT and N.SERVICE.PROJECT → replicas. Apart, for Docker's own readings go first. */
  readonly replicas: PersistentMap<readonly Endpoint[]>
  /** Names that an operator's labels grant. They go after all others. */
  readonly labelled: PersistentMap<readonly Endpoint[]>
  /** Labels' too: "b" → the endpoints that stand for all below it ("*.b"), where no closer name exists (RFC 4592). */
  readonly wildcards: PersistentMap<readonly Endpoint[]>
  /** Canonical address → the endpoint that has it; two of them only while it is on its way from one to the other. */
  readonly owners: PersistentMap<readonly Endpoint[]>
  /**
   * Every canonical name on the network but those that labels grant, of stopped and of ignored containers too → how
   * often it is.
   */
  readonly known: PersistentMap<number>
  /** Compose's SERVICE.PROJECT and N.SERVICE.PROJECT, those of stopped containers included → how often it is. */
  readonly services: PersistentMap<number>
  /** What those end in, PROJECT → how often. */
  readonly projects: PersistentMap<number>
  /**
   * What lies above dotted names, "b.c" and "c" where "a.b.c" is a name → above how many. They exist, and hold nothing
   * (RFC 8020).
   */
  readonly parents: PersistentMap<number>
  /** How many endpoints have an address. */
  readonly addressed: number
}

export interface Projects {
  /** Canonical name → the networks that know a service of it, as in `known`. */
  readonly byName: PersistentMap<readonly string[]>
  /** Another object whenever a project has come or gone, wherever it was: what depends on which there are goes by it. */
  readonly set: object
}

/** The whole immutable name table at one moment. */
export interface Snapshot {
  readonly version: number
  readonly engines: ReadonlyMap<string, EngineStatus>
  /** Of all networks, by their names, then by their ids. */
  readonly tables: readonly NetworkTable[]
  /** By network id. */
  readonly networks: PersistentMap<NetworkTable>
  /** By canonical network name; several engines may have networks of one name. In the order of `tables`. */
  readonly networksByName: PersistentMap<readonly NetworkTable[]>
  /** By container id. */
  readonly containers: PersistentMap<Container>
  /**
   * Canonical container names and aliases, of stopped containers too → the networks that know them, by id, in order. Of
   * a container that is on no network its own id stands there.
   */
  readonly known: PersistentMap<readonly string[]>
  /** SERVICE.PROJECT and N.SERVICE.PROJECT, of stopped containers too → the networks that know them, as in `known`. */
  readonly services: PersistentMap<readonly string[]>
  readonly projects: Projects
  /**
   * Canonical address → every running endpoint of a local engine that has it (networks may share a subnet). What a remote
   * engine tells is neither here nor in `subnets`: both are for telling who asks, and what is this machine's own.
   */
  readonly owners: PersistentMap<readonly Endpoint[]>
  /** Subnets and gateways of local engines' networks; another object too where any network has come, gone or moved. */
  readonly subnets: SubnetIndex
}
