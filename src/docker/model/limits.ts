// Pure: limits of one container's share of the table, far above real ones (docs/names.md). The rest is left out and logged.
import type { Container, Endpoint } from '../../registry/types.ts'

export const limits = {
  /** Labels of names: each name costs as many as it has, on each network, for each may be a name above others. */
  nameLabels: 4096,
  networks: 1000,
  ports: 4096,
  /** On each network. */
  links: 1000,
  /** Sentences about what is wrong with one container's labels. */
  problems: 10,
}

/** The places of a container in another's namespace are that one's: it is taken to be on so many networks. */
const sharerPlaces = 8

export interface Bounded {
  readonly container: Container
  /** A sentence for each kind of thing that was left out. */
  readonly leftOut: readonly string[]
}

/** How many labels the container's names have, on all of its networks; about what a change of it costs. */
export function nameCost({ endpoints, settings, sharesNetworkOf }: Container): number {
  let own = 0
  for (const { names } of endpoints) for (const name of names) own += labelsOf(name)
  let told = 0
  for (const name of settings.names) told += labelsOf(name)
  for (const name of settings.wildcards) told += labelsOf(name)
  return own + told * placesOf(endpoints, sharesNetworkOf)
}

/** The container itself where it is within the limits. */
export function boundContainer(container: Container): Bounded {
  const leftOut: string[] = []
  const says = (count: number, what: string, limit: string) => {
    if (count > 0) leftOut.push(`${count} of its ${what} left out: a container may have ${limit}`)
  }
  let bounded = container
  if (container.endpoints.length > limits.networks) {
    says(container.endpoints.length - limits.networks, 'networks are', `${limits.networks}`)
    bounded = { ...bounded, endpoints: bounded.endpoints.slice(0, limits.networks) }
  }
  if (container.ports.length > limits.ports) {
    says(container.ports.length - limits.ports, 'ports are', `${limits.ports}`)
    bounded = { ...bounded, ports: bounded.ports.slice(0, limits.ports) }
  }
  const links = bounded.endpoints.reduce((sum, each) => sum + Math.max(0, each.links.size - limits.links), 0)
  if (links > 0) {
    says(links, 'links are', `${limits.links} on a network`)
    bounded = { ...bounded, endpoints: bounded.endpoints.map(boundLinks) }
  }
  if (nameCost(bounded) > limits.nameLabels) {
    const before = countNames(bounded)
    bounded = boundNames(bounded)
    says(
      before - countNames(bounded),
      'names are',
      `names of ${limits.nameLabels} labels, over all its networks`,
    )
  }
  return { container: bounded, leftOut }
}

/** Docker's own names go first, and of these the first on each network. */
function boundNames(container: Container): Container {
  const { endpoints, settings, sharesNetworkOf } = container
  let left = limits.nameLabels
  const fits = (name: string, times = 1) => {
    const cost = labelsOf(name) * times
    if (cost > left) return false
    left -= cost
    return true
  }
  const first = endpoints.map(({ names }) => names.slice(0, 1).filter((name) => fits(name)))
  const kept = endpoints.map((endpoint, at): Endpoint => {
    const names = [...first[at]!, ...endpoint.names.slice(1).filter((name) => fits(name))]
    return { ...endpoint, names }
  })
  const places = placesOf(endpoints, sharesNetworkOf)
  return {
    ...container,
    endpoints: kept,
    settings: {
      ...settings,
      names: settings.names.filter((name) => fits(name, places)),
      wildcards: settings.wildcards.filter((name) => fits(name, places)),
    },
  }
}

function boundLinks(endpoint: Endpoint): Endpoint {
  if (endpoint.links.size <= limits.links) return endpoint
  return { ...endpoint, links: new Map([...endpoint.links].slice(0, limits.links)) }
}

function countNames({ endpoints, settings }: Container): number {
  const own = endpoints.reduce((sum, { names }) => sum + names.length, 0)
  return own + settings.names.length + settings.wildcards.length
}

function placesOf(endpoints: readonly Endpoint[], sharesNetworkOf: string | undefined): number {
  return sharesNetworkOf === undefined ? Math.max(1, endpoints.length) : sharerPlaces
}

function labelsOf(name: string): number {
  let labels = 1
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) labels++
  return labels
}
