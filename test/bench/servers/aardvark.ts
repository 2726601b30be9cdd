// aardvark-dns, Podman's: a file for each network, asked at each network's gateway, as it scopes by network too.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../engine/docker.ts'
import { repliesTo, serverFolder } from '../../servers/process.ts'
import { pin } from '../place.ts'
import { askedAtGateways, type Contender } from './contender.ts'

const program = '/usr/lib/podman/aardvark-dns'
const port = 53

export const aardvark: Contender = {
  name: 'aardvark-dns',
  async start(scene) {
    const { place, world } = scene
    const folder = serverFolder('aardvark')
    for (const [i, { gateway, containers }] of world.networks.entries()) {
      const lines = containers.map(({ id, v4, v6 = '', names }) => `${id} ${v4} ${v6} ${names.join(',')}\n`)
      writeFileSync(join(folder, `p${i}`), `${gateway}\n${lines.join('')}`)
    }
    // It goes into the background by itself.
    execFileSync(program, ['--config', folder, '--port', String(port), 'run'], { stdio: 'ignore' })
    const { names } = world
    await until(() => repliesTo(names[0]!, world.gateways.at(-1)!, port), { what: 'aardvark-dns answers' })
    const pid = Number(readFileSync(join(folder, 'aardvark.pid'), 'utf8'))
    pin(pid, place.cores.server)
    return {
      ...{ ...askedAtGateways(scene, port), pid },
      async stop() {
        process.kill(pid, 'SIGKILL')
        await until(() => !isAlive(pid), { what: 'aardvark-dns ends' })
        rmSync(folder, { recursive: true })
      },
    }
  },
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
