// unbound: one thread, the names as local data.
import { startUnbound } from '../../servers/unbound.ts'
import { pin } from '../place.ts'
import { connections } from '../workloads.ts'
import { askedAtOne, type Contender } from './contender.ts'
import { type Find, installed, today } from './program.ts'

export const unbound = contender('unbound', today('unbound'))
export const olderUnbound = contender('older unbound', installed('unbound', 'unbound'))

function contender(name: string, find: Find): Contender {
  return {
    name,
    title: () => `unbound ${find().version}`,
    async start(scene) {
      const { place, world, forwards } = scene
      const records = [...world.records.values()].flatMap(({ name, v4, v6 }) => [
        `${name}. 0 A ${v4}`,
        ...(v6 === undefined ? [] : [`${name}. 0 AAAA ${v6}`]),
      ])
      const server = await startUnbound({
        ...{ program: find().program, address: place.address },
        local: forwards === 'nothing' ? [{ zone: '.', records }] : [],
        extra: [
          ...['access-control: 10.0.0.0/8 allow', 'minimal-responses: yes'],
          `incoming-num-tcp: ${connections * 2}`,
          ...(forwards === 'nothing'
            ? []
            : ['forward-zone:', 'name: "."', `forward-addr: ${place.upstream}`]),
        ],
      })
      pin(server.pid, place.cores.server)
      return { ...askedAtOne(scene, server.port), pid: server.pid, stop: server.stop }
    },
  }
}
