// Decides what each event means: which id to inspect again, and what is certain without an inspect.
import type { EngineEvent } from '../api/event-stream.ts'
import { isId, isText } from '../api/fields.ts'
import type { Reconciler } from './reconciler.ts'

/** Tells `reconcile` what `event` means; true: too much has changed for single looks, list everything. */
export function handleEvent(event: EngineEvent, reconcile: Reconciler): boolean {
  // "health_status: healthy", and "exec_start: sh -c …"
  const action = event.action.replace(/:.*$/s, '')
  if (action === 'prune') return true
  if (event.type === 'container') {
    if (!reconcile.admit(event.id)) return true
    handleContainerEvent(event, action, reconcile)
  }
  if (event.type === 'network') {
    const container = containerOf(event)
    if (isPodmanAttachment(event)) {
      if (!reconcile.admit(event.id)) return true
      handlePodmanAttachment(event, reconcile)
      return false
    }
    if (!reconcile.admit(event.id) || (container !== undefined && !reconcile.admit(container))) return true
    handleNetworkEvent(event, action, container, reconcile)
  }
  return false
}

function handleContainerEvent({ id, time, attributes }: EngineEvent, action: string, reconcile: Reconciler) {
  const { name, oldName } = attributes
  if (action === 'create' && isText(name)) {
    // Of the labels only what it takes to leave the container out: the rest grants nothing before the inspect, which
    // bounds it. There may be thousands of events before that.
    const ignore = attributes['berth.ignore']
    return reconcile.create(id, name, isText(ignore) ? { 'berth.ignore': ignore } : {}, time)
  }
  // Podman tells no old name.
  if (action === 'rename' && isText(name)) {
    return reconcile.rename(id, isText(oldName) ? oldName.replace(/^\//, '') : undefined, name, time)
  }
  if (action === 'die' || action === 'destroy' || action === 'remove') reconcile.drop(id, undefined, time)
  else reconcile.queueContainer(id, time)
  if (action === 'start' || action === 'die') reconcile.queueGatewayBridge()
}

/** Podman's events of a container's place have the container as their actor, and the network's name among the attributes. */
function isPodmanAttachment({ action, attributes: { container, network } }: EngineEvent): boolean {
  return (action === 'connect' || action === 'disconnect') && container === undefined && isText(network)
}

/**
 * An inspect of a container that is being started waits no longer there than the start takes, so that it is all there is to
 * look at. The default network has another name in events than in lists, and is not found by it.
 */
function handlePodmanAttachment({ id, action, time, attributes }: EngineEvent, reconcile: Reconciler) {
  const network = action === 'disconnect' ? reconcile.networkNamed(attributes.network!) : undefined
  if (network === undefined) reconcile.queueContainer(id, time)
  else reconcile.drop(id, network, time)
}

function containerOf({ attributes: { container } }: EngineEvent): string | undefined {
  return isId(container) ? container : undefined
}

function handleNetworkEvent(
  { id, time }: EngineEvent,
  action: string,
  container: string | undefined,
  reconcile: Reconciler,
) {
  if (action !== 'connect' && action !== 'disconnect') return reconcile.queueNetwork(id, time)
  // Swarm networks come to a node with their first container, with no event of their own.
  if (!reconcile.knowsNetwork(id)) reconcile.queueNetwork(id, time)
  if (container === undefined) return
  reconcile.queueGatewayBridge()
  if (action === 'disconnect') reconcile.drop(container, id, time)
  else reconcile.connect(container, id, time)
}
