// Containers that seem to be in a network namespace their host has left. A list's row shows neither a start nor such a
// container's addresses, so one restarted unnoticed together with its host looks unchanged.
import { isStale } from '../../registry/shared-namespaces.ts'
import type { Container } from '../../registry/types.ts'
import type { EngineState } from './engine-state.ts'

/** Ids of the running ones. Each is inspected again before that is believed for longer than until the next list. */
export function staleSharers(containers: EngineState['containers']): string[] {
  let byName: Map<string, Container> | undefined
  const named = (name: string) => {
    byName ??= new Map([...containers.values()].map(({ value }) => [value.container.name, value.container]))
    return byName.get(name)
  }
  const found: string[] = []
  for (const [id, { value }] of containers) {
    const { container } = value
    if (container.sharesNetworkOf === undefined || !container.running) continue
    // Engines tell the host's id, whatever it was called when the sharer was made.
    const host =
      containers.get(container.sharesNetworkOf)?.value.container ?? named(container.sharesNetworkOf)
    if (host !== undefined && isStale(container, host)) found.push(id)
  }
  return found
}
