// unbound: one thread, the names as local data.
import { startUnbound } from '../../servers/unbound.ts'
import { pin } from '../place.ts'
import { connections } from '../workloads.ts'
import { askedAtOne, type Contender } from './contender.ts'

export const unbound: Contender = {
  name: 'unbound',
  async start(scene) {
    const { place, world, forwards } = scene
    const records = [...world.records.values()].flatMap(({ name, v4, v6 }) => [
      `${name}. 0 A ${v4}`,
      ...(v6 === undefined ? [] : [`${name}. 0 AAAA ${v6}`]),
    ])
    const server = await startUnbound({
      local: forwards === 'nothing' ? [{ zone: '.', records }] : [],
      extra: [
        ...['access-control: 10.0.0.0/8 allow', 'minimal-responses: yes'],
        `incoming-num-tcp: ${connections * 2}`,
        ...(forwards === 'nothing' ? [] : ['forward-zone:', 'name: "."', `forward-addr: ${place.upstream}`]),
      ],
      address: place.address,
    })
    pin(server.pid, place.cores.server)
    return { ...askedAtOne(scene, server.port), pid: server.pid, stop: server.stop }
  },
}
