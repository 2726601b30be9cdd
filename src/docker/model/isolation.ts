// Pure: engines whose networks are not this machine's: in a virtual machine, or rootless in a namespace. /info shows it;
// docs/contexts.md has the same as a table.
import type { Container, Network } from '../../registry/types.ts'
import type { ApiInfo } from '../api/types.ts'

export interface Isolation {
  readonly by: string
  /** routed: this machine reaches the addresses all the same. */
  readonly kind: 'machine' | 'routed' | 'rootless'
}

type Product = readonly [by: string, kind: Isolation['kind'], system: RegExp | undefined, name: RegExp]

/** The first that fits: by the operating system that the engine tells, or by its host's name. */
const products: readonly Product[] = [
  ['Docker Desktop', 'machine', /^Docker Desktop\b/, /^docker-desktop$/],
  ['OrbStack', 'routed', /^OrbStack\b/, /^orbstack$/],
  ['Rancher Desktop', 'machine', /^Rancher Desktop\b/, /^lima-(0|rancher-desktop)$/],
  ['Colima', 'machine', undefined, /^colima(-|$)/],
  ['Lima', 'machine', undefined, /^lima-/],
]

const rootlessPodman = 'rootless Podman'

/** undefined: nothing says that its networks are elsewhere. */
export function isolationOf(info: ApiInfo): Isolation | undefined {
  const { Name = '', OperatingSystem = '', SecurityOptions = [], Rootless = false } = info
  const product = products.find(([, , system, name]) => system?.test(OperatingSystem) || name.test(Name))
  if (product !== undefined) return { by: product[0], kind: product[1] }
  if (Rootless) return { by: rootlessPodman, kind: 'rootless' }
  const isRootless = SecurityOptions.some((option) => /^name=rootless(,|$)/.test(option))
  return isRootless ? { by: 'a rootless engine', kind: 'rootless' } : undefined
}

/** What can not work, in a sentence. */
export function describeIsolation({ by, kind }: Isolation): string {
  const isRootless = kind === 'rootless'
  const where = isRootless ? 'a network namespace of its own' : 'a virtual machine'
  const looks = isRootless ? "has one of this machine's addresses" : 'looks like this machine'
  const limits =
    kind === 'routed'
      ? 'a container that asks berth here may look like this machine, and then sees every name'
      : `their addresses lead nowhere from here (publish ports), and a container that asks berth here ${looks} and sees every name`
  const ways =
    by === rootlessPodman
      ? 'in that namespace (podman unshare --rootless-netns berth serve) or as a container of it (docs/podman.md)'
      : 'as a container of it (docs/contexts.md)'
  return `${by} has its networks in ${where}: ${limits}; to answer its containers, run berth ${ways}`
}

/** Where this process is. */
export interface ProcessLocation {
  /** Canonical. */
  readonly addresses: ReadonlySet<string>
  readonly mayBeInUserNamespace: boolean
}

/**
 * Whether its networks are ours as well: one of our addresses is a bridge's or a container's there. Into a rootless one's
 * namespaces nobody comes but by a user namespace: elsewhere such an address is another engine's bridge, for all of them
 * take the same subnets (172.17.0.0/16, 10.88.0.0/16).
 */
export function sharesNetworks(
  { kind }: Isolation,
  here: ProcessLocation,
  theirs: Iterable<string>,
): boolean {
  if (kind === 'rootless' && !here.mayBeInUserNamespace) return false
  for (const address of theirs) if (here.addresses.has(address)) return true
  return false
}

/** Of bridges and of containers. */
export function* addressesOf(
  networks: Iterable<Pick<Network, 'gateways'>>,
  containers: Iterable<Pick<Container, 'endpoints'>>,
): Generator<string> {
  for (const { gateways } of networks) yield* gateways
  for (const { endpoints } of containers) {
    for (const { v4, v6 } of endpoints) {
      yield* v4
      yield* v6
    }
  }
}
