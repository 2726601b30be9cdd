// berth needs no root and writes no file: as nobody, on a file system that can't be written.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { until } from '../engine/docker.ts'
import { createNamespace, isRoot, listeningOn } from '../tools/net/namespace.ts'
import { withRights } from '../tools/net/rights.ts'
import { type Serving, serve } from './serve.ts'

const nobody = 65534

/** What the kernel says of the process, once it has become berth. */
function statusOf({ child }: Serving, field: string): string {
  return new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))![1]!
}

const settings = (port: number) => ({
  listen: [`*:${port}`],
  docker: { engines: [] },
  hosts: { 'box.example': '192.0.2.1' },
  forward: { upstreams: [] },
})

describe.runIf(isRoot)('as nobody, with nothing to write to', () => {
  it.each([
    ['port 53 with CAP_NET_BIND_SERVICE and no other', 53, ['net_bind_service'], '0000000000000400'],
    ['port 1053 without any capability', 1053, [], '0000000000000000'],
  ] as const)('serves on %s', async (_, port, capabilities, held) => {
    const place = await createNamespace()
    try {
      const within = [...place.entry, ...withRights({ user: nobody, capabilities })]
      const serving = serve(settings(port), { within })
      await serving.logged('ready')
      expect([statusOf(serving, 'Uid'), statusOf(serving, 'CapEff'), statusOf(serving, 'CapBnd')]).toEqual([
        Array(4).fill(nobody).join('\t'),
        held,
        held,
      ])
      for (const transport of ['+notcp', '+tcp']) {
        const asked = ['dig', '@127.0.0.1', '-p', String(port), transport, '+short', 'box.example']
        expect(place.run(...asked)).toBe('192.0.2.1\n')
      }
      // New addresses, too, are bound without root.
      place.ip('addr add 192.0.2.53/32 dev lo')
      await until(() => listeningOn(place, port, 'tcp').includes('192.0.2.53'), { what: 'it is bound' })
      serving.child.kill('SIGTERM')
      expect(await serving.exited).toBe(0)
      expect(serving.errors()).toBe('')
      expect(serving.lines.filter(({ level }) => level === 'error')).toEqual([])
    } finally {
      place.close()
    }
  })

  it('says what is missing where port 53 may not be had', async () => {
    const place = await createNamespace()
    try {
      place.run('sysctl', '-qw', 'net.ipv4.ip_unprivileged_port_start=1024')
      const serving = serve(settings(53), { within: [...place.entry, ...withRights({ user: nobody })] })
      expect(await serving.exited).toBe(1)
      expect(JSON.stringify(serving.lines)).toMatch(/CAP_NET_BIND_SERVICE/)
    } finally {
      place.close()
    }
  })
})
