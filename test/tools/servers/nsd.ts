// nsd: an authoritative server for zone files.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { type Server, serverFolder, startServer } from './process.ts'

export interface NsdOptions {
  readonly zones: readonly { readonly name: string; readonly file: string }[]
}

export async function startNsd({ zones }: NsdOptions): Promise<Server> {
  const folder = serverFolder('nsd')
  const port = await freePort()
  const lines = [
    'server:',
    `ip-address: 127.0.0.1@${port}`,
    'username: ""',
    'chroot: ""',
    `zonesdir: "${folder}"`,
    'database: ""',
    `pidfile: "${join(folder, 'nsd.pid')}"`,
    `xfrdfile: "${join(folder, 'xfrd.state')}"`,
    `zonelistfile: "${join(folder, 'zone.list')}"`,
    'server-count: 1',
    'do-ip6: no',
    // Tests ask much in a short time.
    'rrl-ratelimit: 0',
    'tcp-count: 200',
    'remote-control:',
    'control-enable: no',
    ...zones.flatMap(({ name, file }) => ['zone:', `name: "${name}"`, `zonefile: "${file}"`]),
  ]
  writeFileSync(join(folder, 'nsd.conf'), `${lines.join('\n')}\n`)
  const probe = zones[0]?.name ?? '.'
  return startServer({ program: 'nsd', args: ['-d', '-c', join(folder, 'nsd.conf')], port, folder, probe })
}
