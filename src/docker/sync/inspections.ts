// Runs the work queues: inspects a container or a network, and stores the reading unless something newer is known.
import type { Clock } from '../../lib/clock.ts'
import type { EngineClient } from '../api/client.ts'
import { withEndpointAddresses } from '../model/container.ts'
import { memberAddresses } from '../model/network.ts'
import type { PendingEndpoint } from '../model/pending-endpoints.ts'
import type { EngineState, Reading } from './engine-state.ts'
import { createWorkQueue, type Job } from './work-queue.ts'

/** Containers that are being started at one time. */
const mostConnecting = 20_000

export interface InspectionsOptions {
  readonly state: EngineState
  readonly clock: Clock
  readonly random: () => number
  client(): EngineClient
  /** Orders readings and events. */
  nextTick(): number
  changed(eventTime: number | undefined): void
  failed(error: unknown): void
}

export function createInspections({
  state,
  clock,
  random,
  client,
  nextTick,
  changed,
  failed,
}: InspectionsOptions) {
  const { networks, containers, pending, keepContainer, setContainer, removeContainer } = state
  const { keepNetwork, removeNetwork } = state
  /** Containers in `starting` when it was last counted, and those added since. */
  let connecting = 0

  const shared = {
    concurrency: 8,
    debounce: 1,
    clock,
    random,
    failed: (_: string, error: unknown) => failed(error),
  }
  const containerQueue = createWorkQueue({ ...shared, run: inspectContainer })
  const networkQueue = createWorkQueue({ ...shared, concurrency: 2, run: inspectNetwork })
  // An engine expected for its disk delays these by hundreds of ms: a second container does not wait for the first.
  const memberQueue = createWorkQueue({ ...shared, concurrencyPerId: 2, run: inspectMembers })
  /** Network id → containers being started on it, and since when (the engine's clock). */
  const starting = new Map<string, Map<string, number>>()

  async function inspectContainer(id: string, job: Job): Promise<void> {
    const readAt = nextTick()
    const raw = await client().inspectContainer(id)
    if (job.outdated() || isOlder(readAt, containers.get(id))) return
    if (raw === undefined) {
      if (removeContainer(id)) changed(job.eventTime)
    } else if ('Name' in raw ? keepContainer(raw, readAt) : setContainer(state.fromRow(raw), readAt)) {
      changed(job.eventTime)
    }
  }

  async function inspectNetwork(id: string, job: Job): Promise<void> {
    const readAt = nextTick()
    const raw = await client().inspectNetwork(id)
    if (job.outdated() || isOlder(readAt, networks.get(id))) return
    if (raw === undefined ? removeNetwork(id) : keepNetwork(raw, readAt)) changed(job.eventTime)
  }

  async function inspectMembers(id: string): Promise<void> {
    const expected = starting.get(id)
    if (expected === undefined) return
    const asked = new Map(expected)
    const raw = await client().inspectNetwork(id)
    for (const [containerId, since] of asked) {
      // Disconnected meanwhile, or connected again: another job's.
      if (expected.get(containerId) !== since) continue
      expected.delete(containerId)
      const place = raw === undefined ? undefined : memberAddresses(raw, containerId)
      if (place === undefined) containerQueue.add(containerId, { eventTime: since })
      else addEndpoint(containerId, id, { ...place, since })
    }
    if (expected.size === 0 && starting.get(id) === expected) starting.delete(id)
  }

  function addEndpoint(containerId: string, networkId: string, endpoint: PendingEndpoint) {
    const before = containers.get(containerId)
    if (before?.value.container.running === true) {
      if (setContainer(withEndpointAddresses(before.value, networkId, endpoint), before.readAt, before.asOf))
        changed(endpoint.since)
      return
    }
    pending.set(containerId, networkId, endpoint)
    // The inspect queued by its create event will find the endpoint.
    if (before === undefined) containerQueue.add(containerId, { eventTime: endpoint.since })
    else if (setContainer(before.value, before.readAt, before.asOf)) changed(endpoint.since)
  }

  function hasRoom(): boolean {
    if (connecting < mostConnecting) return true
    connecting = 0
    for (const expected of starting.values()) connecting += expected.size
    return connecting < mostConnecting
  }

  const queues = [containerQueue, networkQueue, memberQueue]
  return {
    ...{ containerQueue, networkQueue, memberQueue },
    /** A container is being started on the network: the network's inspect has its addresses first. */
    expectMember(networkId: string, containerId: string, eventTime: number) {
      if (!hasRoom()) return
      connecting++
      const expected = starting.get(networkId) ?? new Map<string, number>()
      starting.set(networkId, expected.set(containerId, eventTime))
      memberQueue.add(networkId, { eventTime, urgent: true })
    },
    /** Expected since before `eventTime`, on one network or, where that is undefined, on all. */
    forgetMember(networkId: string | undefined, containerId: string, eventTime: number) {
      for (const [id, expected] of starting) {
        if ((networkId ?? id) === id && (expected.get(containerId) ?? eventTime) < eventTime) {
          expected.delete(containerId)
        }
      }
    },
    resume() {
      for (const queue of queues) queue.resume()
    },
    pause() {
      for (const queue of queues) queue.pause()
      starting.clear()
    },
  }
}

function isOlder(readAt: number, known: Reading<unknown> | undefined): boolean {
  return known !== undefined && known.readAt > readAt
}
