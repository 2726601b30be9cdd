// Addresses that several processes share: among themselves, with nobody else, and only where the system spreads what comes.
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { checkFree } from '../../../src/net/check-free.ts'
import { chooseSockets, whyNotShared } from '../../../src/net/choose-sockets.ts'
import { perProcess } from '../../../src/net/limits/per-process.ts'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { freePort } from '../../tools/servers/port.ts'
import { defaults } from './limits/accounting.ts'

const libc = await loadLibc()
const bound: number[] = []
afterEach(() => {
  for (const fd of bound.splice(0)) libc.close(fd)
})
const bind = (port: number, kind: 'udp' | 'tcp', shared = true) => {
  const fd = libc.bind({ host: '127.0.0.1', port }, { kind, shared })
  bound.push(fd)
}
const taken = expect.objectContaining({ code: 'EADDRINUSE' })

it('a shared socket is bound beside others that are shared, and no other', async () => {
  const port = await freePort()
  for (const kind of ['udp', 'udp', 'tcp', 'tcp'] as const) bind(port, kind)
  expect(() => bind(port, 'udp', false)).toThrow(taken)
  const other = await freePort()
  bind(other, 'udp', false)
  expect(() => bind(other, 'udp')).toThrow(taken)
})

describe('the probe', () => {
  const at = (port: number) => ({ host: '127.0.0.1', port })

  it('finds a free address free, and leaves it so', async () => {
    const port = await freePort()
    await checkFree(at(port))
    await checkFree(at(port))
    await checkFree({ host: '::1', port })
    await checkFree(at(0))
  })

  it('finds what others share, or have for themselves', async () => {
    const port = await freePort()
    bind(port, 'udp')
    await expect(checkFree(at(port))).rejects.toEqual(taken)
    const server = net.createServer().listen({ host: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    await expect(checkFree(at((server.address() as net.AddressInfo).port))).rejects.toEqual(taken)
    server.close()
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    await expect(checkFree(at(socket.address().port))).rejects.toEqual(taken)
    socket.close()
  })
})

describe('the choice', () => {
  const missing = () => Promise.reject(new Error('no such package'))

  it('is for sockets of our own where there is one process', async () => {
    const chosen = async (udp: 'auto' | 'plain', workers: number) =>
      (await chooseSockets({ udp, workers }, { log: silentLogger, clock: systemClock })).sharing
    expect(await chosen('auto', 1)).toBeUndefined()
    expect((await chosen('auto', 2))?.bindTcp).toBeTypeOf('function')
    expect(await chosen('plain', 2)).toEqual({ bindTcp: undefined })
  })

  it.each([
    ['batches', 'auto', 'v20', '20.20.2', 'linux', undefined],
    ['batches', 'batch', 'v20', '20.20.2', 'linux', undefined],
    [
      'neither',
      'plain',
      'v20',
      '20.20.2',
      'linux',
      /Node 22\.12, this is Node 20\.20\.2 on linux with "udp: plain"/,
    ],
    ['neither', 'plain', 'v22', '22.11.0', 'linux', /Node 22\.11\.0/],
    ['a Node that can', 'plain', 'v22', '22.12.0', 'linux', undefined],
    ['neither', 'plain', 'v23', '23.0.0', 'linux', /Node 23\.0\.0/],
    ['a Node that can', 'plain', 'v23', '23.1.0', 'linux', undefined],
    ['a Node that can', 'plain', 'v26', '26.0.0', 'freebsd', undefined],
    ['a system that does not spread', 'plain', 'v26', '26.0.0', 'darwin', /on darwin/],
  ] as const)('%s, udp: %s, on %s: is told', async (_what, udp, _major, node, platform, why) => {
    const told = await whyNotShared(udp, loadLibc, { node, platform })
    if (why === undefined) expect(told).toBeUndefined()
    else expect(told).toMatch(why)
  })

  it('without koffi is Node’s, and elsewhere the reason is told', async () => {
    expect(await whyNotShared('auto', missing, { node: '22.12.0', platform: 'linux' })).toBeUndefined()
    expect(await whyNotShared('auto', missing, { node: '20.1.0', platform: 'linux' })).toMatch(
      /\(no such package\); set "workers" to 1$/,
    )
  })
})

it('what all may hold is divided, what one asker may is not', () => {
  const limits = { ...defaults, connections: 1000, inFlight: 10, bytes: 300 }
  expect(perProcess(limits, 1)).toEqual(limits)
  expect(perProcess(limits, 3)).toEqual({ ...limits, connections: 334, inFlight: 4, bytes: 100 })
})
