// aardvark-dns, Podman's: a file for each network, asked at each network's gateway, as it scopes by network too.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../../engine/docker.ts'
import { repliesTo, serverFolder } from '../../servers/process.ts'
import { pin } from '../place.ts'
import { askedAtGateways, type Contender } from './contender.ts'
import { type Find, installed, today } from './program.ts'

const port = 53

export const aardvark = contender('aardvark-dns', today('aardvark-dns'))
export const olderAardvark = contender(
  'older aardvark-dns',
  installed('aardvark-dns', '/usr/lib/podman/aardvark-dns'),
)

function contender(name: string, find: Find): Contender {
  return {
    name,
    title: () => `aardvark-dns ${find().version}`,
    async start(scene) {
      const { place, world } = scene
      const folder = serverFolder('aardvark')
      for (const [i, { gateway, containers }] of world.networks.entries()) {
        const lines = containers.map(({ id, v4, v6 = '', names }) => `${id} ${v4} ${v6} ${names.join(',')}\n`)
        writeFileSync(join(folder, `p${i}`), `${gateway}\n${lines.join('')}`)
      }
      // It goes into the background by itself.
      execFileSync(find().program, ['--config', folder, '--port', String(port), 'run'], { stdio: 'ignore' })
      const pid = Number(readFileSync(join(folder, 'aardvark.pid'), 'utf8'))
      const stop = async () => {
        process.kill(pid, 'SIGKILL')
        await until(() => !isAlive(pid), { what: 'aardvark-dns ends' })
        rmSync(folder, { recursive: true })
      }
      const { gateway, containers } = world.networks.at(-1)!
      // What is not an address there it asks its upstream for, and there is none.
      const answers = () => repliesTo(containers[0]!.names[0]!, gateway, port, 'A')
      try {
        await until(answers, { what: 'aardvark-dns answers' })
      } catch (error) {
        await stop()
        throw error
      }
      pin(pid, place.cores.server)
      return { ...askedAtGateways(scene, port), pid, stop }
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
