// What real containers cost a server: idle with some, the start of each of a hundred, sockets with two hundred. All builds
// follow the same engine at the same time, so that each has the same events.
import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../../../engine/docker.ts'
import { image } from '../../../engine/image.ts'
import { cpuOf } from '../proc.ts'
import { residentOf, socketsOf, type Weighed, watchIdle, weigh } from './server.ts'
import type { Point, Side, Unit } from './table.ts'

const few = 20
const starts = 100
const many = 200
/** Networks that all of them are spread over. */
const networks = 5
/** What a start leaves to do is done, and what was new is collected, s. */
const settle = 15

export async function measureContainers(
  programs: Readonly<Partial<Record<Side, string>>>,
  seconds: number,
): Promise<Point[]> {
  const points: Point[] = []
  const host = process.env.DOCKER_HOST
  if (host === undefined) throw new Error('DOCKER_HOST is not set: this runs beside an engine')
  const servers: [Side, Weighed][] = []
  const eachServer = async (row: string, unit: Unit, measure: (pid: number) => number | Promise<number>) => {
    const list = await Promise.all(
      servers.map(async ([side, { pid }]) => ({ row, unit, side, value: await measure(pid) })),
    )
    points.push(...list)
    for (const { side, value } of list) console.error(`${row}, ${side}: ${value.toFixed(1)} ${unit}`)
  }
  const idle = async (row: string) => {
    await sleep(settle * 1000)
    await eachServer(`idle, ${row}: CPU`, 'ms a second', async (pid) => (await watchIdle(pid, seconds)).cpu)
    await eachServer(`idle, ${row}: memory`, 'MiB', residentOf)
  }
  try {
    for (const side of ['this', 'that'] as const) {
      const program = programs[side]
      if (program !== undefined) servers.push([side, await weigh(program, host, '*')])
    }
    await idle('no container')
    for (let each = 0; each < networks; each++) await docker('network', 'create', `weight-${each}`)
    await create(0, many)
    await start(0, few)
    await idle(`${few} containers`)

    const idleRates = new Map(
      points.filter(({ unit }) => unit === 'ms a second').map((p) => [p.side, p.value]),
    )
    const before = new Map(servers.map(([side, { pid }]) => [side, cpuOf(pid)]))
    const begun = performance.now()
    await start(few, few + starts)
    await sleep(2000)
    const took = (performance.now() - begun) / 1000
    for (const [side, { pid }] of servers) {
      const cpu = (cpuOf(pid) - before.get(side)!) / 1000 - idleRates.get(side)! * took
      points.push({
        row: `the start of a container, of ${starts}: CPU`,
        unit: 'ms',
        side,
        value: cpu / starts,
      })
    }
    await start(few + starts, many)
    await idle(`${many} containers`)
    await eachServer(`${many} containers: sockets`, '', socketsOf)
    return points
  } finally {
    for (const [, server] of servers) await server.stop()
    const left = (await docker('ps', '--all', '--quiet', '--filter', 'label=weight'))
      .split('\n')
      .filter(Boolean)
    if (left.length > 0) await docker('rm', '--force', ...left)
    for (let each = 0; each < networks; each++)
      await docker('network', 'rm', `weight-${each}`).catch(() => {})
  }
}

const nameOf = (each: number) => `weight-${each}`

async function create(from: number, to: number): Promise<void> {
  for (let each = from; each < to; each++) {
    const place = ['--network', `weight-${each % networks}`, '--label', 'weight']
    await docker('create', '--name', nameOf(each), ...place, image)
  }
}

/** One after the other. */
async function start(from: number, to: number): Promise<void> {
  for (let each = from; each < to; each++) await docker('start', nameOf(each))
}
