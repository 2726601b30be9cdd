// What each event is a hint of: which id to look at again, and what is certain without looking.
import type { Reconcile } from './reconcile.ts'
import type { EngineEvent } from './stream.ts'

/** Tells `reconcile` what `event` means; true: too much has changed for single looks, list everything. */
export function follow(event: EngineEvent, reconcile: Reconcile): boolean {
  // "health_status: healthy", and "exec_start: sh -c …"
  const action = event.action.replace(/:.*$/s, '')
  if (action === 'prune') return true
  if (event.type === 'container') followContainer(event, action, reconcile)
  if (event.type === 'network') followNetwork(event, action, reconcile)
  return false
}

function followContainer({ id, time }: EngineEvent, action: string, reconcile: Reconcile) {
  if (action === 'die' || action === 'destroy') reconcile.drop(id, undefined, time)
  else reconcile.markContainer(id, time)
  if (action === 'start' || action === 'die') reconcile.markGatewayBridge()
}

function followNetwork({ id, attributes, time }: EngineEvent, action: string, reconcile: Reconcile) {
  const { container } = attributes
  if (action !== 'connect' && action !== 'disconnect') return reconcile.markNetwork(id, time)
  // Swarm networks come to a node with their first container, with no event of their own.
  if (!reconcile.knowsNetwork(id)) reconcile.markNetwork(id, time)
  if (container === undefined) return
  reconcile.markGatewayBridge()
  if (action === 'disconnect') reconcile.drop(container, id, time)
  else reconcile.markContainer(container, time)
}
