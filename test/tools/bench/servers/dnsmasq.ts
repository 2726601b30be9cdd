// dnsmasq: the names from a hosts file, as many questions under way as there may be, and a cache as large as berth's where
// there is something to keep. In a full one of that size each new answer has it look through all of them, 100 µs: where
// all are new it has its default, 150.
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDnsmasq } from '../../servers/dnsmasq.ts'
import { outstanding } from '../client/dnsperf.ts'
import { pin } from '../place.ts'
import { askedAtOne, type Contender } from './contender.ts'
import { type Find, installed, today } from './program.ts'

/**
 * A process for each connection, which it closes after a hundred questions; few may wait to be taken up. With more than
 * twenty it answers the less the more there are, even where it may have as many processes.
 */
const connections = 16

export const dnsmasq = contender('dnsmasq', today('dnsmasq'))
export const olderDnsmasq = contender('older dnsmasq', installed('dnsmasq-base', 'dnsmasq'))

function contender(name: string, find: Find): Contender {
  return {
    name,
    title: () => `dnsmasq ${find().version}`,
    async start(scene) {
      const { place, world, forwards } = scene
      const hosts = join(tmpdir(), 'berth-bench-hosts')
      const lines = [...world.records.values()].map(({ name, v4, v6 }) =>
        v6 === undefined ? `${v4} ${name}\n` : `${v4} ${name}\n${v6} ${name}\n`,
      )
      writeFileSync(hosts, lines.join(''))
      const server = await startDnsmasq({
        program: find().program,
        upstreams: [],
        extra: [
          `--listen-address=${place.address}`,
          ...(forwards === 'new' ? [] : ['--cache-size=10000']),
          `--dns-forward-max=${outstanding * 2}`,
          ...(forwards === 'nothing'
            ? [`--addn-hosts=${hosts}`, '--domain-needed']
            : [`--server=${place.upstream}`]),
        ],
      })
      pin(server.pid, place.cores.server)
      return {
        ...askedAtOne(scene, server.port),
        ...{ pid: server.pid, connections },
        stop: async () => {
          await server.stop()
          rmSync(hosts)
        },
      }
    },
  }
}
