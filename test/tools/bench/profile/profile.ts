// Where the microseconds of a local answer go: berth under V8's profiler, as fast as answers come.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Figures, measure, warmUp, writeLines } from '../measure.ts'
import { type Setting, size } from '../peers.ts'
import { profiledBerth } from '../servers/berth.ts'
import { localA } from '../world/questions.ts'
import { openWorld } from '../world/world.ts'
import { type CpuProfile, type SelfTime, selfTimes } from './cpuprofile.ts'
import { bySources } from './sources.ts'

/** Between two samples, µs. */
const interval = 200

/** Of the system's monotonic clock, as the profile's; µs. */
const now = () => Number(process.hrtime.bigint() / 1000n)

export async function runProfile(setting: Setting): Promise<{ figures: Figures; times: SelfTime[] }> {
  const { place, native, folder, options } = setting
  const world = await openWorld(size)
  place.settle(
    world.gateways,
    world.askers.map(({ address }) => address),
  )
  try {
    const started = await profiledBerth(folder, interval).start({
      ...{ place, world, native, forwards: 'nothing' },
    })
    const questions = writeLines(folder, 'profile', () => localA(world.names, world.askers.length))
    const run = { library: native.askers, questions }
    // More than once: the compiler's work is no part of an answer.
    for (let i = 0; i < 3; i++) await warmUp(started, run)
    const from = now()
    const figures = await measure(started, { ...run, seconds: options.seconds })
    const to = now()
    // The profile is written as it ends.
    await started.stop()
    const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))!
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile
    return { figures, times: selfTimes(bySources(profile), from, to) }
  } finally {
    world.close()
  }
}
