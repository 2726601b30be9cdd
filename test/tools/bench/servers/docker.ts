// Docker's own resolver: dockerd answers at 127.0.0.11 inside a container, for the names of its network.
import { execFileSync } from 'node:child_process'
import { docker, onNetworkOf, runContainer } from '../../../engine/docker.ts'
import { privateEngine } from '../../../engine/engine.ts'
import { pin } from '../place.ts'
import { answersFrom } from '../world/judge.ts'
import type { Contender, Started } from './contender.ts'

const network = 'bench'
const asker = 'bench-asker'
/** That share the names of one network. */
const containers = 10

export const dockerResolver: Contender = {
  name: 'Docker',
  title: () => `Docker ${/[\d.]+/.exec(execFileSync('dockerd', ['--version'], { encoding: 'utf8' }))![0]}`,
  async start({ place, world }): Promise<Started> {
    const { pid } = privateEngine()!
    await docker('network', 'create', '--subnet', '172.31.0.0/24', network)
    await runContainer(asker, '--network', network)
    const each = Math.ceil(world.names.length / containers)
    const records = Array.from({ length: containers }, (_, i) => {
      const v4 = `172.31.0.${100 + i}`
      return world.names.slice(i * each, (i + 1) * each).map((name) => ({ name, v4, v6: undefined }))
    })
    for (const [i, list] of records.entries()) {
      const aliases = list.flatMap(({ name }) => ['--network-alias', name])
      await runContainer(`bench-${i}`, '--network', network, '--ip', list[0]!.v4, ...aliases)
    }
    pin(pid!, place.cores.server)
    return {
      pid: pid!,
      asking: [...(await onNetworkOf(asker)), 'taskset', '--cpu-list', String(place.cores.client)],
      askers: [{ address: '0.0.0.0', project: 'p0', server: '127.0.0.11', port: 53 }],
      answers: answersFrom(new Map(records.flat().map((record) => [record.name, record]))),
      async stop() {
        await docker('rm', '--force', asker, ...records.map((_, i) => `bench-${i}`))
        await docker('network', 'rm', network)
      },
    }
  },
}
