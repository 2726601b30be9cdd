// What the kernel says it dropped.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { createSocketDrops } from '../../../src/lib/socket-drops.ts'

const files = {
  '/proc/net/snmp': `Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
Udp: 1000 5 40 900 38 0
UdpLite: InDatagrams RcvbufErrors
UdpLite: 0 99
`,
  '/proc/net/snmp6': 'Udp6InErrors                    \t9\nUdp6RcvbufErrors                \t4\n',
  '/proc/net/udp': `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  193: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0000000000000000 30
  194: 0100007F:0036 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 78 2 0000000000000000 8
`,
  '/proc/net/udp6': `  sl  local_address rem_address st
   12: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 80 2 0000000000000000 4
`,
}

it('is counted for our ports, and the list of sockets read only when something was lost', () => {
  const told: Record<string, string> = { ...files }
  const read: string[] = []
  const losses = createSocketDrops(
    () => new Set([53]),
    (file) => {
      read.push(file)
      return told[file]!
    },
  )
  expect([losses(), losses()]).toEqual([34, 34])
  expect(read.filter((file) => file === '/proc/net/udp')).toHaveLength(1)
  told['/proc/net/snmp'] = files['/proc/net/snmp'].replace(' 38 ', ' 40 ')
  told['/proc/net/udp'] = files['/proc/net/udp'].replace(/ 30$/m, ' 32')
  expect(losses()).toBe(36)
})

it('is not known where the kernel does not tell', () => {
  expect(
    createSocketDrops(
      () => new Set(),
      () => 'Udp: InDatagrams\nUdp: 5\n',
    )(),
  ).toBeUndefined()
  const fail = () => {
    throw new Error('no such file')
  }
  expect(createSocketDrops(() => new Set(), fail)()).toBeUndefined()
})

it.runIf(process.platform === 'linux')('is told on Linux', async () => {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 2048 })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  const losses = createSocketDrops(() => new Set([port]))
  expect(losses()).toBe(0)
  // More than it has room for, before it can read any of it.
  const sender = dgram.createSocket('udp4')
  for (let i = 0; i < 50; i++) sender.send(Buffer.alloc(500), port, '127.0.0.1')
  await once(socket, 'message')
  await expect.poll(losses).toBeGreaterThan(0)
  sender.close()
  socket.close()
})
