// Abuse of a running server: the soak for some seconds, and what is not in it, file descriptors that run out.
import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { rcodeOf } from '../../src/dns/header.ts'
import { abuse } from '../soak/abuse/abuse.ts'
import { localName, question } from '../soak/abuse/packets.ts'
import { createClient } from '../soak/client.ts'
import { freePort, serve } from './serve.ts'

it('a polite asker loses nothing to speak of beside attacks, and nothing is left of them', async () => {
  const lines: string[] = []
  const only = ['flood from one address', 'pointer chains and loops', 'TCP: thousands at once']
  const amiss = await abuse({ seconds: 3, each: 0.5, seed: 1, only, log: (line) => lines.push(line) })
  console.log(lines.join('\n'))
  // What is lost depends on who else has the processor; the soak judges that where it has a machine to itself.
  expect(amiss.filter((sentence) => !/ lost$/.test(sentence))).toEqual([])
}, 60_000)

it('file descriptors that run out stop neither the server nor those it serves', async () => {
  const port = await freePort()
  const serving = serve(
    {
      ...{ listen: [`127.0.0.1:${port}`], http: 'off', hosts: { [localName]: '192.0.2.1' } },
      ...{ docker: { engines: ['unix:///nowhere/docker.sock'] }, forward: { upstreams: [] } },
    },
    { files: 128 },
  )
  await serving.logged('ready')
  const sockets = await Promise.all(
    Array.from({ length: 250 }, async () => {
      const socket = net.connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      await Promise.race([once(socket, 'connect'), once(socket, 'close')])
      return socket
    }),
  )
  const udp = await createClient({ host: '127.0.0.1', port })
  expect(await udp.ask(localName)).toMatchObject({ rcode: 'NOERROR' })
  // libuv takes what it has no descriptor for with a spare one, and closes it.
  await expect.poll(() => sockets.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(0)
  expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeGreaterThan(50)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => overTcp(port), { timeout: 5_000 }).toBe(0)
  udp.close()
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
})

/** The rcode of an answer; undefined where the connection is closed without one. */
async function overTcp(port: number): Promise<number | undefined> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const frames = readFrames()
  socket.write(frame(question(1)))
  const reply = await new Promise<Buffer | undefined>((resolve) => {
    socket.on('data', (chunk) => {
      const [message] = frames.push(chunk)
      if (message !== undefined) resolve(message)
    })
    socket.once('close', () => resolve(undefined))
  })
  socket.destroy()
  return reply && rcodeOf(reply)
}
