// The soak for a few seconds each: containers come and go, and every answer is judged by an event log of our own.
import { expect, it } from 'vitest'
import { type SoakResult, soak, type Trouble } from '../tools/soak/soak.ts'

async function shortly(trouble: Trouble, seconds: number, seed: number): Promise<SoakResult> {
  const told: string[] = []
  const log = (line: string) => told.push(line)
  const leastEvents = 100
  const result = await soak({ seed, seconds, leastEvents, containers: 40, trouble, port: 1053, log })
  const { questions, perSecond, judged, binding, events, violations, wrongAtTheEnd } = result
  console.log(
    `${[trouble, ...told].join('; ')}: ${events} events, ${questions} questions, ${perSecond} a second, ${binding} of a name that was there`,
  )
  expect(violations).toEqual([])
  expect(wrongAtTheEnd).toEqual([])
  expect(judged).toBe(questions)
  expect(questions).toBeGreaterThan(1_000)
  // A sixth is usual.
  expect(binding).toBeGreaterThan(questions / 50)
  expect(events).toBeGreaterThanOrEqual(leastEvents)
  return result
}

const reconnects = (metrics: string) =>
  Number(/^berth_docker_reconnects_total\{.*\} (\d+)$/m.exec(metrics)?.[1])

it('no wrong answer with the engine killed and started again in the middle', async () => {
  expect(reconnects((await shortly('kill', 12, 2)).metrics)).toBe(1)
}, 240_000)

// Older engines differ in what they do when they are killed; of the rest once is enough.
if (!['20.10', '26.1'].includes(process.env.BERTH_ENGINE ?? '')) {
  it('nor while containers come and go', async () => {
    expect(reconnects((await shortly('none', 10, 1)).metrics)).toBe(0)
  }, 240_000)

  it('nor with a stream that is dropped and goes half-open', async () => {
    expect(reconnects((await shortly('proxy', 18, 3)).metrics)).toBeGreaterThanOrEqual(2)
  }, 240_000)
}
