// TCP where Node can't be told the address: sockets by system calls that are Node's afterwards.
import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { isOddlyScoped } from '../../../src/lib/ip.ts'
import { createDialTcp, placeFor } from '../../../src/net/link-local-tcp.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'

it.each([
  ['fe80::1%docker_gwbridge', true],
  ['fe80::1%veth0@if5', true],
  ['fe80::1%eth0', false],
  ['fe80::1%eth0.100', false],
  ['::1', false],
  ['127.0.0.1', false],
])('%s: %s', (host, isOdd) => expect(isOddlyScoped(host)).toBe(isOdd))

it('a server has Node’s own address where that is enough', async () => {
  const load = () => Promise.reject(new Error('not needed'))
  expect(await placeFor({ host: '::1', port: 53 }, true, load)).toEqual({
    ...{ host: '::1', port: 53, ipv6Only: true, reusePort: true },
  })
})

it('a server gets a bound socket elsewhere, or a reason with what to do', async () => {
  const at = { host: 'fe80::1%up_link', port: 53 }
  const asked: unknown[] = []
  const bind = (...words: unknown[]) => asked.push(words)
  expect(await placeFor(at, false, async () => ({ bind }))).toEqual({ fd: 1 })
  expect(asked).toEqual([[at, { kind: 'tcp', shared: false }]])
  const missing = placeFor(at, false, () => Promise.reject(new Error('no koffi')))
  await expect(missing).rejects.toThrow(/named "up_link".*\(no koffi\); give the interface a name/)
})

it('a connection is written to before it is there, and answered', async () => {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '::1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const dial = createDialTcp(await loadLibc())
  const socket = dial({ host: '::1', port })
  socket.write('here')
  expect(String((await once(socket, 'data'))[0])).toBe('here')
  socket.destroy()
  server.close()
  await once(server, 'close')
  const refused = dial({ host: '::1', port })
  refused.write('here')
  expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' })
})

it('a connection that can’t be begun fails as others do', async () => {
  const dial = createDialTcp({
    connect() {
      throw Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' })
    },
  })
  const socket = dial({ host: 'fe80::1%up_link', port: 53 })
  expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'EMFILE' })
})
