// A thousand containers on a hundred networks, told by a synthetic engine: askers get their own networks' answers, and
// what 200 events change is followed. How much more there may be is what `npm run scale` shows.
import { describe, expect, it } from 'vitest'
import { until } from '../engine/docker.ts'
import { settle } from '../tools/bench/scale/measure.ts'
import { openScene } from '../tools/bench/scale/scene.ts'
import { isRoot } from '../tools/net/namespace.ts'

describe.runIf(isRoot)('beside an engine with a thousand containers', () => {
  it('is ready with all names, answers by scope, and follows 200 events without a wrong answer', async () => {
    const scene = await openScene({ networks: 100, containers: 1000 }, 100)
    try {
      const { engine, questions, ask } = scene
      expect(questions).toHaveLength(2000)
      const right = { answered: 2000, lost: 0, wrong: 0, examples: [] }
      const asking = ask({ questions, rate: 1000, count: 2000 })
      await engine.churn({ rate: 200, movers: 100, seed: 3 })
      await until(async () => (await engine.events()) >= 200, { what: '200 events' })
      await engine.churn({ rate: 0, movers: 100, seed: 3 })
      expect(await asking).toMatchObject(right)
      const after = await settle(scene, 5000)
      expect(after).toMatchObject({ wrong: 0, examples: [] })
      expect(after.asked).toBeGreaterThan(4000)
    } finally {
      expect(await scene.stop()).toBe(0)
    }
  }, 240_000)
})
