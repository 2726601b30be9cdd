// Lodgers that seem to be in a namespace their host has left. A list's row does not tell of a start, nor of any address of
// a lodger's, so that one which was started unheard, with its host, looks as it did before.
import { isBehind } from '../../registry/shared-namespaces.ts'
import type { Container } from '../../registry/types.ts'
import type { Known } from './engine-state.ts'

/** Ids of the running ones. Each is inspected again before that is believed for longer than until the next list. */
export function lodgersBehind(containers: Known['containers']): string[] {
  let byName: Map<string, Container> | undefined
  const named = (name: string) => {
    byName ??= new Map([...containers.values()].map(({ told }) => [told.container.name, told.container]))
    return byName.get(name)
  }
  const found: string[] = []
  for (const [id, { told }] of containers) {
    const { container } = told
    if (container.lodgesWith === undefined || !container.running) continue
    // Engines tell the host's id, whatever it was called when the lodger was made.
    const host = containers.get(container.lodgesWith)?.told.container ?? named(container.lodgesWith)
    if (host !== undefined && isBehind(container, host)) found.push(id)
  }
  return found
}
