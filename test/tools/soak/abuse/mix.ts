// All attacks in turns, two at a time, for as long as is asked: what berth holds at the end is what it held at the start.
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../world.ts'
import type { Experience, Polite } from './polite.ts'
import { type Siege, send } from './siege.ts'
import type { Target, Weight } from './target.ts'

export interface Mix {
  readonly experience: Experience
  /** At the start; once everything was seen once; at the end, after everything has been closed. */
  readonly start: Weight
  readonly warm: Weight
  readonly end: Weight
}

/** One attack lasts so long, ms. */
const spell = 2_000
/** Of what berth can take of an attack; two are under way at a time. */
const mostOfCapacity = 0.25

/** `known`: the attacks, each with its capacity. */
export async function mix(
  target: Target,
  polite: Polite,
  known: readonly Siege[],
  seconds: number,
  seed: number,
): Promise<Mix> {
  const random = randomFrom(seed)
  const start = await target.weigh()
  await polite.tell()
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  /** Every attack once, in another order each time. */
  let rest = [...known]
  const assail = async (until: number) => {
    while (performance.now() < until) {
      if (rest.length === 0) rest = [...known]
      const [{ attack, capacity }] = rest.splice(Math.floor(random() * rest.length), 1) as [Siege]
      const perSecond = Math.ceil(random() * mostOfCapacity * capacity)
      await send({ attack, ...(random() < 0.5 ? target.here : target.there), ms: spell, perSecond })
    }
  }
  const both = (until: number) => Promise.all([assail(until), assail(until)])
  await both(startedAt + (endsAt - startedAt) / 3)
  const warm = await target.weigh()
  await both(endsAt)
  const experience = await polite.tell()
  return { experience, start, warm, end: await settle(target, start) }
}

/** Idle connections and half questions have their time; the polite asker's own connection stays. */
async function settle(target: Target, start: Weight): Promise<Weight> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const now = await target.weigh()
    const kinds = ['descriptors', 'handles', 'connections'] as const
    const isBack = kinds.every((kind) => now[kind] <= start[kind])
    if (isBack || performance.now() > deadline) return now
    await sleep(250)
  }
}
