// Who was called what, where, and when: from the engine's events and inspects alone. Pure; times in the engine's ms.
import type { HeardEvent } from '../../engine/events.ts'

/** One name on one network leading to one container, for a time. */
export interface Span {
  readonly containerId: string
  /** undefined: never learnt, the container was gone again before it could be looked at. */
  address: string | undefined
  readonly from: number
  /** Infinity while it lasts. */
  to: number
  /**
   * From when on it could be known: the engine had answered an inspect of ours with it, which for an alias it does not
   * do before the start is over. A slow disk holds both back. Infinity where none was answered in time.
   */
  readonly sureFrom: number
}

interface Stay {
  readonly networkId: string
  readonly from: number
  to: number
  address: string | undefined
  /** When the engine first told the address; Infinity: never. */
  addressTold: number
  /** undefined: never learnt. */
  aliases: readonly string[] | undefined
  aliasesTold: number
}

/** Of a question to the engine. */
export interface Asking {
  readonly begun: number
  readonly done: number
}

interface Naming {
  readonly name: string
  readonly from: number
  to: number
}

/** Of a container that runs, until an inspect has told its networks: it may be on any, at any address. */
const anyNetwork = '*'

export class History {
  readonly #stays = new Map<string, Stay[]>()
  readonly #namings = new Map<string, Naming[]>()
  /** Container id → since when it runs. */
  readonly #running = new Map<string, number>()
  /** When what is there was last read anew. */
  #restartedAt = Number.NEGATIVE_INFINITY
  /** Container id → its last event. */
  readonly #heardAt = new Map<string, number>()

  readonly #startsSilently: boolean

  /**
   * `startsSilently`: the engine tells no joining with a start, as Podman. Of Podman's other events no more is to be excused
   * than of Docker's. Its file of events is read four times a second, but they bear the time at which they were written;
   * that is while the container is locked, and whoever asks for the container waits for that lock (libpod 5.8: connect and
   * disconnect are written before they are done, rename and the end of a run after). So nobody can know of a change before
   * the time of its event.
   */
  constructor({ startsSilently = false } = {}) {
    this.#startsSilently = startsSilently
  }

  /** Events in the order of the stream. */
  take({ type, action, id, attributes, time }: HeardEvent): void {
    this.#heardAt.set(type === 'container' ? id : (attributes.container ?? id), time)
    if (type === 'container' && action === 'create') this.#call(id, attributes.name!, time)
    if (type === 'container' && action === 'rename') this.#call(id, attributes.name!, time)
    // Podman says init before it, when it has made the networks and nothing runs yet.
    if (type === 'container' && (action === 'init' || action === 'start')) this.#begin(id, time)
    if (type === 'container' && (action === 'die' || action === 'destroy')) this.#end(id, time)
    if (type === 'network' && action === 'connect') this.#join(attributes.container!, id, time)
    if (type === 'network' && action === 'disconnect') this.#leave(attributes.container!, id, time)
  }

  /** What an inspect of a container that runs told of its place: true of the stay that lasted over it. */
  learn(id: string, networkId: string, address: string, aliases: readonly string[], asking: Asking): void {
    if (address === '') return
    if (
      this.#stayOver(id, networkId, asking) === undefined &&
      this.#startedUnjoined(id, networkId, asking.begun)
    )
      this.#join(id, networkId, this.#running.get(id)!)
    const anywhere = this.#stayOver(id, anyNetwork, asking)
    const stays = this.#stays.get(id) ?? []
    if (anywhere !== undefined)
      this.#stays.set(
        id,
        stays.filter((each) => each !== anywhere),
      )
    this.locate(id, networkId, address, asking)
    const stay = this.#stayOver(id, networkId, asking)
    if (stay === undefined) return
    stay.aliases = aliases
    stay.aliasesTold = Math.min(stay.aliasesTold, asking.done)
  }

  /** What an inspect of a network told of one of its members: the address, also while the container is being started. */
  locate(id: string, networkId: string, address: string, asking: Asking): void {
    const stay = this.#stayOver(id, networkId, asking)
    if (stay === undefined) return
    stay.address = address
    stay.addressTold = Math.min(stay.addressTold, asking.done)
  }

  /**
   * After a time without events: what lasted may have ended, what is there now began at `time` at the latest. `present`
   * was read from `time` on. Gives the containers of which an event has come since, so that what was read may be before
   * or after it: they are to be read again, alone, by passing them as `only`.
   */
  restart(
    time: number,
    present: readonly { id: string; name: string; networkIds: readonly string[] }[],
    only?: ReadonlySet<string>,
  ): ReadonlySet<string> {
    const rows = new Map(present.map((row) => [row.id, row]))
    if (only === undefined) this.#restartedAt = time
    const newer = new Set<string>()
    for (const id of only ?? new Set([...this.#stays.keys(), ...rows.keys()])) {
      if ((this.#heardAt.get(id) ?? 0) >= time) {
        newer.add(id)
        continue
      }
      this.#running.delete(id)
      // Those begun since then the new stream has told.
      for (const stay of this.#stays.get(id) ?? []) {
        if (stay.from < this.#restartedAt) stay.to = Math.min(stay.to, time)
      }
      const row = rows.get(id)
      if (row === undefined) continue
      if (this.#namings.get(id)?.at(-1)?.name !== row.name.replace(/^\//, '')) this.#call(id, row.name, time)
      if (row.networkIds.length > 0) this.#running.set(id, time)
      for (const networkId of row.networkIds) this.#join(id, networkId, time, time)
    }
    return newer
  }

  /** Everything that `name` has led to on a network. */
  spans(networkId: string, name: string): Span[] {
    const spans: Span[] = []
    for (const [containerId, stays] of this.#stays) {
      for (const stay of stays) {
        if (stay.networkId !== networkId && stay.networkId !== anyNetwork) continue
        const { address } = stay
        if (stay.aliases?.includes(name) ?? true) {
          spans.push({
            containerId,
            address,
            from: stay.from,
            to: stay.to,
            sureFrom: stay.aliasesTold,
          })
        }
        for (const naming of this.#namings.get(containerId) ?? []) {
          if (naming.name !== name) continue
          const from = Math.max(stay.from, naming.from)
          const to = Math.min(stay.to, naming.to)
          const sureFrom = Math.max(from, stay.addressTold)
          if (to > from) spans.push({ containerId, address, from, to, sureFrom })
        }
      }
    }
    return spans
  }

  /** Containers that run, but on no network yet, or on one on which the engine has not told their aliases. */
  unknown(): string[] {
    return [...this.#stays].flatMap(([id, stays]) =>
      stays.some(({ to, aliases }) => to === Number.POSITIVE_INFINITY && aliases === undefined) ? [id] : [],
    )
  }

  /** Places that the engine has not told the address of yet. */
  unlocated(): { id: string; networkId: string }[] {
    return [...this.#stays].flatMap(([id, stays]) =>
      stays
        .filter(({ to, address }) => to === Number.POSITIVE_INFINITY && address === undefined)
        .filter(({ networkId }) => networkId !== anyNetwork)
        .map(({ networkId }) => ({ id, networkId })),
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

  #begin(id: string, time: number): void {
    if (this.#running.has(id)) return
    this.#running.set(id, time)
    if (this.#startsSilently) this.#join(id, anyNetwork, time)
  }

  #join(id: string, networkId: string, time: number, addressTold = Number.POSITIVE_INFINITY): void {
    this.#leave(id, networkId, time)
    const stay: Stay = {
      networkId,
      from: time,
      to: Number.POSITIVE_INFINITY,
      address: undefined,
      addressTold,
      aliases: undefined,
      aliasesTold: Number.POSITIVE_INFINITY,
    }
    this.#stays.set(id, [...(this.#stays.get(id) ?? []), stay])
  }

  #stayOver(id: string, networkId: string, { begun, done }: Asking): Stay | undefined {
    return this.#stays
      .get(id)
      ?.find((each) => each.networkId === networkId && each.from <= begun && each.to >= done)
  }

  /**
   * An engine that died in the middle of a start knows the container as not running and its endpoint as made: started
   * again, it joins without a word. So a start with nothing before it and nothing after it is a joining as well. Podman
   * never says a word of the networks that a start brings: there the first inspect after it tells them.
   */
  #startedUnjoined(id: string, networkId: string, begun: number): boolean {
    const startedAt = this.#running.get(id)
    if (startedAt === undefined || startedAt > begun) return false
    const stays = this.#stays.get(id) ?? []
    if (this.#startsSilently)
      return stays.every((stay) => stay.networkId !== networkId || stay.to <= startedAt)
    if (this.#heardAt.get(id) !== startedAt) return false
    return stays.every(({ from, to }) => to <= startedAt || from === startedAt)
  }

  #end(id: string, time: number): void {
    this.#running.delete(id)
    this.#leave(id, undefined, time)
  }

  #leave(id: string, networkId: string | undefined, time: number): void {
    for (const stay of this.#stays.get(id) ?? []) {
      if ((networkId ?? stay.networkId) === stay.networkId && stay.to > time) stay.to = time
    }
  }
}
