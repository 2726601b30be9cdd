// Containers of a synthetic engine that come and go at a steady rate, by a seed. Those that move are the last ones of its
// plan, and what is created in their place; the others stay as they are, so that their answers are known.
import type { SyntheticEngine } from './server.ts'

export interface Churn {
  /** One deed; some make several events. */
  act(): void
  /** Acts so that about `rate` events a second come of it, until stopped. */
  run(rate: number): void
  stop(): void
}

export interface ChurnOptions {
  readonly engine: Pick<SyntheticEngine, 'estate' | 'start' | 'events'>
  /** How many containers move. */
  readonly movers: number
  /** [0, 1) */
  readonly random: () => number
}

/** Between two looks at what is due, ms. */
const tick = 5

export function createChurn({ engine, movers, random }: ChurnOptions): Churn {
  const { estate } = engine
  const slots: (string | undefined)[] = [...estate.containers.keys()].slice(-movers)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  let renames = 0
  let timer: NodeJS.Timeout | undefined

  const deeds = {
    start: (id: string) => engine.start(id),
    stop: (id: string) => estate.stop(id),
    remove: (id: string) => estate.remove(id),
    rename(id: string) {
      const [base] = estate.containers.get(id)!.name.split('-moved')
      estate.rename(id, `${base}-moved${renames++}`)
    },
    connect(id: string) {
      const { places } = estate.containers.get(id)!
      estate.connect(id, pick(estate.networks.filter((network) => !places.has(network.id))).id)
    },
    disconnect: (id: string) => estate.disconnect(id, pick([...estate.containers.get(id)!.places.keys()])),
  }
  type Deed = keyof typeof deeds

  function possible(id: string): readonly Deed[] {
    const { state, places } = estate.containers.get(id)!
    if (state === 'starting') return []
    if (state !== 'running') return ['start', 'start', 'start', 'remove']
    const isAlone = places.size < 2
    if (isAlone && estate.networks.length < 2) return ['stop', 'rename']
    return isAlone ? ['stop', 'rename', 'connect'] : ['stop', 'rename', 'disconnect']
  }

  function act() {
    const slot = Math.floor(random() * slots.length)
    const id = slots[slot]
    if (id === undefined) {
      slots[slot] = estate.create()
      return
    }
    const list = possible(id)
    if (list.length === 0) return
    const deed = pick(list)
    deeds[deed](id)
    if (deed === 'remove') slots[slot] = undefined
  }

  return {
    act,
    run(rate) {
      const from = { time: performance.now(), events: engine.events() }
      timer = setInterval(() => {
        const due = ((performance.now() - from.time) / 1000) * rate
        // Bounded, for a deed may make none.
        for (let i = 0; i < rate && engine.events() - from.events < due; i++) act()
      }, tick)
    },
    stop: () => clearInterval(timer),
  }
}
