// Who was called what, where, and when: from the engine's events and inspects alone. Pure; times in the engine's ms.
import type { HeardEvent } from '../engine/events.ts'

/** One name on one network leading to one container, for a time. */
export interface Span {
  readonly containerId: string
  /** undefined: never learnt, the container was gone again before it could be looked at. */
  address: string | undefined
  readonly from: number
  /** Infinity while it lasts. */
  to: number
  /** Whether it is known to have had the name: a container never looked at in time may have had any alias. */
  readonly isSure: boolean
}

interface Stay {
  readonly networkId: string
  readonly from: number
  to: number
  address: string | undefined
  /** undefined: never learnt. */
  aliases: readonly string[] | undefined
}

interface Naming {
  readonly name: string
  readonly from: number
  to: number
}

export class History {
  readonly #stays = new Map<string, Stay[]>()
  readonly #namings = new Map<string, Naming[]>()

  /** Container id → its last event. */
  readonly #heardAt = new Map<string, number>()

  /** Events in the order of the stream. */
  take({ type, action, id, attributes, time }: HeardEvent): void {
    this.#heardAt.set(type === 'container' ? id : (attributes.container ?? id), time)
    if (type === 'container' && action === 'create') this.#call(id, attributes.name!, time)
    if (type === 'container' && action === 'rename') this.#call(id, attributes.name!, time)
    if (type === 'container' && (action === 'die' || action === 'destroy')) this.#leave(id, undefined, time)
    if (type === 'network' && action === 'connect') this.#join(attributes.container!, id, time)
    if (type === 'network' && action === 'disconnect') this.#leave(attributes.container!, id, time)
  }

  /** What an inspect, begun at `time`, told of a container's place: true of the stay that lasted over it. */
  learn(
    id: string,
    networkId: string,
    address: string,
    aliases: readonly string[],
    begun: number,
    done: number,
  ): void {
    const stay = this.#stays
      .get(id)
      ?.find((each) => each.networkId === networkId && each.from <= begun && each.to >= done)
    if (stay === undefined || address === '') return
    stay.address = address
    stay.aliases = aliases
  }

  /**
   * After a time without events: what lasted may have ended, what is there now began at `time` at the latest. `present`
   * was read from `time` on; where an event has told more since, that holds.
   */
  restart(
    time: number,
    present: readonly { id: string; name: string; networkIds: readonly string[] }[],
  ): void {
    const isNewer = (id: string) => (this.#heardAt.get(id) ?? 0) >= time
    for (const id of this.#stays.keys()) if (!isNewer(id)) this.#leave(id, undefined, time)
    for (const { id, name, networkIds } of present) {
      if (isNewer(id)) continue
      if (this.#namings.get(id)?.at(-1)?.name !== name.replace(/^\//, '')) this.#call(id, name, time)
      for (const networkId of networkIds) this.#join(id, networkId, time)
    }
  }

  /** Everything that `name` has led to on a network. */
  spans(networkId: string, name: string): Span[] {
    const spans: Span[] = []
    for (const [containerId, stays] of this.#stays) {
      for (const stay of stays) {
        if (stay.networkId !== networkId) continue
        const { address } = stay
        if (stay.aliases?.includes(name) ?? true) {
          spans.push({
            containerId,
            address,
            from: stay.from,
            to: stay.to,
            isSure: stay.aliases !== undefined,
          })
        }
        for (const naming of this.#namings.get(containerId) ?? []) {
          if (naming.name !== name) continue
          const from = Math.max(stay.from, naming.from)
          const to = Math.min(stay.to, naming.to)
          if (to > from) spans.push({ containerId, address, from, to, isSure: true })
        }
      }
    }
    return spans
  }

  /** Stays whose address is not known yet, of containers that are still there. */
  unknown(): string[] {
    return [...this.#stays].flatMap(([id, stays]) =>
      stays.some(({ to, address }) => to === Number.POSITIVE_INFINITY && address === undefined) ? [id] : [],
    )
  }

  #call(id: string, name: string, time: number): void {
    const namings = this.#namings.get(id) ?? []
    const last = namings.at(-1)
    if (last !== undefined) last.to = time
    this.#namings.set(id, [
      ...namings,
      { name: name.replace(/^\//, ''), from: time, to: Number.POSITIVE_INFINITY },
    ])
  }

  #join(id: string, networkId: string, time: number): void {
    this.#leave(id, networkId, time)
    const stay: Stay = {
      networkId,
      from: time,
      to: Number.POSITIVE_INFINITY,
      address: undefined,
      aliases: undefined,
    }
    this.#stays.set(id, [...(this.#stays.get(id) ?? []), stay])
  }

  #leave(id: string, networkId: string | undefined, time: number): void {
    for (const stay of this.#stays.get(id) ?? []) {
      if ((networkId ?? stay.networkId) === stay.networkId && stay.to > time) stay.to = time
    }
  }
}
