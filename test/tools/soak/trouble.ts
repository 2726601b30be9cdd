// What goes wrong between berth and the engine in a soak, and from when to when berth can't know.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../engine/docker.ts'
import { privateEngine } from '../../engine/engine.ts'
import type { createProxy } from '../../engine/proxy.ts'
import { connectEngine } from './api.ts'
import { wallClock } from './client.ts'
import type { Gap } from './judge.ts'
import type { EngineLog } from './log.ts'
import { removeHalfConnected } from './pods.ts'

export interface TroubleOptions {
  readonly seconds: number
  readonly log: (line: string) => void
}

/** Kills the engine in the middle and starts it again; containers live on. */
export async function killInTheMiddle(options: TroubleOptions, gaps: Gap[], log: EngineLog): Promise<void> {
  const own = privateEngine()
  if (own === undefined) throw new Error('only a private engine may be killed')
  await sleep(options.seconds * 400)
  const gap = { from: wallClock(), to: Number.POSITIVE_INFINITY }
  gaps.push(gap)
  options.log('engine killed')
  await own.kill()
  await sleep(1000)
  await own.start(['--live-restore'])
  const passed = () => `${Math.round(wallClock() - gap.from)} ms`
  options.log(`it answers again after ${passed()}`)
  await log.again()
  await until(async () => (await gauge('berth_docker_connected')) === 1, {
    what: 'berth is back',
    deadlineMs: 20_000,
  })
  gap.to = wallClock()
  options.log(`engine followed again after ${passed()}`)
  // berth is back without that; what drives the engine, and compares with it at the end, needs its whole list.
  if (own.isPodman)
    options.log(`half-connected containers removed: ${await removeHalfConnected(connectEngine())}`)
}

/** A stream that goes half-open, is dropped, delayed and split, in turns. */
export async function troubleWith(
  proxy: Awaited<ReturnType<typeof createProxy>>,
  options: TroubleOptions,
  gaps: Gap[],
): Promise<void> {
  const end = wallClock() + options.seconds * 1000 - 9_000
  const modes = ['half-open', 'drop', 'delay', 'split'] as const
  for (let i = 0; i < 2 || wallClock() < end; i++) {
    const mode = modes[i % modes.length]!
    const before = await gauge('berth_docker_reconnects_total')
    const gap = { from: wallClock(), to: Number.POSITIVE_INFINITY }
    if (mode === 'drop' || mode === 'half-open') gaps.push(gap)
    proxy.setMode(mode)
    if (mode !== 'half-open') await sleep(2000)
    proxy.setMode('pass')
    if (mode === 'drop' || mode === 'half-open') {
      // Nothing to notice where nothing happens; here something always does.
      await until(async () => (await gauge('berth_docker_reconnects_total')) > before, {
        what: `berth notices ${mode}`,
        deadlineMs: 12_000,
      })
      await until(async () => (await gauge('berth_docker_connected')) === 1, {
        what: 'it is back',
        deadlineMs: 12_000,
      })
      gap.to = wallClock()
    }
    options.log(`${mode}: over after ${Math.round(wallClock() - gap.from)} ms`)
    await sleep(1000)
  }
}

export async function readMetrics(): Promise<string> {
  return (await fetch('http://127.0.0.1:9153/metrics')).text()
}

async function gauge(name: string): Promise<number> {
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(await readMetrics())?.[1] ?? 0)
}
