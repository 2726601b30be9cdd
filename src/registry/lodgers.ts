// Containers that live in another's network namespace (`--network container:X`): they have X's addresses, under
// names of their own. Docker itself has no names for them.
import type { Container, Endpoint, Snapshot } from './types.ts'

/** X may lodge with Y in what an engine tells, if never for real; this many steps are followed. */
const furthest = 4

/** `told`, with places for those that lodge with others. What did not change keeps its identity. */
export function placeLodgers(
  told: ReadonlyMap<string, Container>,
  previous: Snapshot | undefined,
): ReadonlyMap<string, Container> {
  let placed: Map<string, Container> | undefined
  for (const lodger of told.values()) {
    if (lodger.lodgesWith === undefined) continue
    placed ??= new Map(told)
    const before = previous?.containers.get(lodger.id)
    const endpoints = placesWith(lodger, findHost(told, lodger), before)
    const same =
      before?.lodgesWith === lodger.lodgesWith &&
      before.name === lodger.name &&
      before.running === lodger.running &&
      before.health === lodger.health &&
      before.labels === lodger.labels &&
      before.settings === lodger.settings &&
      before.ports === lodger.ports &&
      sameList(before.endpoints, endpoints)
    placed.set(lodger.id, same ? before : { ...lodger, endpoints })
  }
  return placed ?? told
}

/** Docker takes a name, an id or the start of one. */
function findHost(told: ReadonlyMap<string, Container>, lodger: Container): Container | undefined {
  let host: Container | undefined = lodger
  for (let step = 0; host?.lodgesWith !== undefined; step++) {
    if (step === furthest) return undefined
    const { lodgesWith, engine }: Container = host
    const exact: Container | undefined = told.get(lodgesWith)
    host = exact ?? [...told.values()].find((each) => each.engine === engine && isCalled(each, lodgesWith))
  }
  return host
}

function isCalled({ id, name }: Container, text: string): boolean {
  return name === text || (text.length >= 12 && id.startsWith(text))
}

function placesWith(
  lodger: Container,
  host: Container | undefined,
  before: Container | undefined,
): Endpoint[] {
  const names = [lodger.name, lodger.id.slice(0, 12)]
  // Compose gives a service's name as an alias, which a container without a network of its own can't have.
  const service = lodger.labels['com.docker.compose.service']
  if (service && lodger.labels['com.docker.compose.oneoff'] !== 'True') names.push(service)
  return (host?.endpoints ?? []).map((place) => {
    const there = lodger.running && host!.running
    const fresh: Endpoint = {
      ...place,
      containerId: lodger.id,
      names,
      v4: there ? place.v4 : [],
      v6: there ? place.v6 : [],
      links: new Map(),
    }
    const old = before?.endpoints.find(({ networkId }) => networkId === place.networkId)
    return old !== undefined && isSame(old, fresh) ? old : fresh
  })
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return (
    sameList(a.names, b.names) &&
    sameList(a.v4, b.v4) &&
    sameList(a.v6, b.v6) &&
    a.gatewayPriority === b.gatewayPriority &&
    a.gatewayFamilies === b.gatewayFamilies
  )
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
