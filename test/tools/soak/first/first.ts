// Whether the first question of a new process is answered rightly: about itself, its own, and a neighbour's about it. Docker's
// own resolver is asked in the same moment.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBerth } from '../../../engine/berth.ts'
import { addressesOf, docker, until } from '../../../engine/docker.ts'
import { image } from '../../../engine/image.ts'
import { gatewayOf, removeContainers, removeNetworks } from '../../../engine/project.ts'

/** How containers come to run. */
export const ways = ['run', 'run on three networks', 'create, then start', 'restart'] as const
export type Way = (typeof ways)[number]

/** One first reply. */
export interface First {
  readonly way: Way
  readonly who: 'itself' | 'neighbour'
  readonly whom: 'berth' | 'Docker'
  readonly what: 'name' | 'alias' | 'PTR'
  readonly isRight: boolean
}

const networks = ['first_a', 'first_b', 'first_c'] as const
const source = fileURLToPath(new URL('first.c', import.meta.url))

/** Each of the ways `times` times, one after another. */
export async function measureFirst(times: number): Promise<First[]> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-first-'))
  chmodSync(folder, 0o755)
  execFileSync('gcc', ['-Os', '-static', '-o', join(folder, 'first'), source])
  const program = ['--volume', `${folder}:/first:ro`, '--entrypoint', '/first/first']
  for (const network of networks) await docker('network', 'create', network)
  const server = (await gatewayOf(networks[0])).v4
  const berth = await startBerth({ listen: [`${server}:53`], http: 'off', forward: { upstreams: [] } })
  const place = ['--network', networks[0]]
  await docker('run', '--detach', '--name', 'first-neighbour', ...place, ...program, image, server)
  const neighbour = (await addressesOf('first-neighbour'))[networks[0]]!.v4!

  /** Three for each server: name, alias, PTR. */
  const repliesOf = async (name: string, starts: number) => {
    const lines = await until(async () => (await docker('logs', name)).split('\n').filter(Boolean), {
      what: `${name} has been answered`,
      accept: (list) => list.length >= 6 * starts,
      deadlineMs: 10_000,
    })
    return lines.slice(6 * (starts - 1))
  }
  const firsts: First[] = []
  const take = (way: Way, lines: readonly string[]) => {
    for (const line of lines) firsts.push(read(way, line))
  }

  for (let i = 0; i < times; i++) {
    for (const [n, way] of ways.entries()) {
      const name = `first-${n}-${i}`
      const on = way === 'run on three networks' ? networks : networks.slice(0, 1)
      const where = on.flatMap((network) => ['--network', `name=${network},alias=alias-${n}-${i}`])
      const words = ['--name', name, ...where, ...program, image, server, neighbour, name, `alias-${n}-${i}`]
      if (way.startsWith('run')) await docker('run', '--detach', ...words)
      else {
        await docker('create', ...words)
        await docker('start', name)
      }
      if (way === 'restart') {
        await repliesOf(name, 1)
        await docker('restart', '--time', '0', name)
      }
      take(way, await repliesOf(name, way === 'restart' ? 2 : 1))
      await docker('rm', '--force', name)
    }
  }
  for (const line of (await docker('logs', 'first-neighbour')).split('\n').filter(Boolean)) {
    const n = /first-(\d)-/.exec(line)?.[1]
    take(ways[Number(n)]!, [line])
  }
  await berth.stop()
  await removeContainers('first-')
  await removeNetworks(...networks)
  rmSync(folder, { recursive: true })
  return firsts
}

function read(way: Way, line: string): First {
  const [who, whom, type, name = '', wanted = '', , , ...records] = line.split(' ')
  const what = type === '12' ? 'PTR' : name.startsWith('alias-') ? 'alias' : 'name'
  const isRight = records.some((record) => record === wanted || record.startsWith(`${wanted}.`))
  return { way, who: who as First['who'], whom: whom as First['whom'], what, isRight }
}

/** A row for each way, in which each cell is how many of how many first replies were right. */
export function tabulateFirst(firsts: readonly First[]): string {
  const kinds = [
    ...(['name', 'alias', 'PTR'] as const).map((what) => ['itself', 'berth', what] as const),
    ...(['name', 'PTR'] as const).map((what) => ['neighbour', 'berth', what] as const),
  ]
  const share = (list: readonly First[]) =>
    `${list.filter(({ isRight }) => isRight).length} of ${list.length}`
  const rows = ways.map((way) => {
    const own = firsts.filter((first) => first.way === way)
    const cells = kinds.map(([who, whom, what]) =>
      share(own.filter((first) => first.who === who && first.whom === whom && first.what === what)),
    )
    return `| ${[way, ...cells, share(own.filter(({ whom }) => whom === 'Docker'))].join(' | ')} |`
  })
  return [
    '| first reply of berth, right | its own name | alias | PTR | name, to a neighbour | PTR, to a neighbour | of Docker’s resolver, all |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
