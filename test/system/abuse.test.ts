// Abuse of a running server: the soak for some seconds, and what is not in it, file descriptors that run out.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { rcodeOf } from '../../src/dns/header.ts'
import { abuse } from '../tools/soak/abuse/abuse.ts'
import { localName, question } from '../tools/soak/abuse/packets.ts'
import { createClient } from '../tools/soak/client.ts'
import { freePort, serve } from './serve.ts'

/** For a reply that comes, however busy the machine is, ms. */
const patience = 15_000

it('a polite asker loses nothing to speak of beside attacks, and nothing is left of them', async () => {
  const lines: string[] = []
  // Other tests run at the same time.
  const most = 2_000
  const only = ['flood from one address', 'pointer chains and loops', 'TCP: thousands at once']
  const amiss = await abuse({ seconds: 3, each: 0.5, seed: 1, most, only, log: (line) => lines.push(line) })
  console.log(lines.join('\n'))
  // What is lost depends on who else has the processor; the soak judges that where it has a machine to itself.
  expect(amiss.filter((sentence) => !/ lost$/.test(sentence))).toEqual([])
}, 240_000)

it('file descriptors that run out stop neither the server nor those it serves', async () => {
  const port = await freePort()
  const serving = serve(
    {
      ...{ listen: [`127.0.0.1:${port}`], http: 'off', hosts: { [localName]: '192.0.2.1' } },
      ...{ docker: { engines: ['unix:///nowhere/docker.sock'] }, forward: { upstreams: [] } },
    },
    { files: 160 },
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
  const udp = await createClient({ host: '127.0.0.1', port }, patience)
  expect(await udp.ask(localName)).toMatchObject({ rcode: 'NOERROR' })
  // libuv takes what it has no descriptor for with a spare one, and closes it.
  await expect.poll(() => sockets.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(0)
  expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeGreaterThan(50)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => overTcp(port), { timeout: 60_000 }).toBe(0)
  udp.close()
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
})

it('what is forwarded beyond the limit is refused at once, and local names answer as ever', async () => {
  const silent = createSocket('udp4')
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
  const port = await freePort()
  const http = await freePort()
  const serving = serve({
    ...{ listen: [`127.0.0.1:${port}`], http: `127.0.0.1:${http}`, hosts: { [localName]: '192.0.2.1' } },
    ...{ docker: { engines: ['unix:///nowhere/docker.sock'] }, limits: { inFlightPerAsker: 1 } },
    forward: { upstreams: [`127.0.0.1:${silent.address().port}`], timeout: '60s' },
  })
  await serving.logged('ready')
  const udp = await createClient({ host: '127.0.0.1', port }, patience)
  const first = udp.ask('one.example.org')
  expect((await udp.ask('two.example.org')).rcode).toBe('SERVFAIL')
  expect((await udp.ask(localName)).rcode).toBe('NOERROR')
  const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
  expect(metrics).toContain('berth_limits_reached_total{limit="inFlightPerAsker",action="refused"} 1')
  expect(metrics).toMatch(/^berth_limits_in_flight [1-9]/m)
  // Its answer is still open: it comes when the server stops.
  expect(await Promise.race([first, 'open'])).toBe('open')
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
  expect((await first).rcode).toBe('SERVFAIL')
  udp.close()
  silent.close()
})

it('over its rate an asker gets truncated answers or none, and all it asks over TCP', async () => {
  const port = await freePort()
  const serving = serve({
    ...{ listen: [`127.0.0.1:${port}`], http: 'off', hosts: { [localName]: '192.0.2.1' } },
    ...{ docker: { engines: ['unix:///nowhere/docker.sock'] }, forward: { upstreams: [] } },
    limits: { rate: 5, slip: 2, rateAll: true },
  })
  await serving.logged('ready')
  // What gets no answer at all waits for all of it.
  const udp = await createClient({ host: '127.0.0.1', port }, 3000)
  const asked = await Promise.all(Array.from({ length: 25 }, () => udp.ask(localName)))
  const count = (wanted: string, addresses: number) =>
    asked.filter((each) => each.rcode === wanted && each.addresses.length === addresses).length
  // A second's worth at once, and what the time for sending is good for; of the rest every other is truncated.
  const whole = count('NOERROR', 1)
  const truncated = count('NOERROR', 0)
  const none = count('NONE', 0)
  const answered = asked.filter(({ rcode }) => rcode !== 'NONE')
  const took = Math.max(...answered.map(({ cameAt }) => cameAt)) - asked[0]!.sentAt
  expect(whole).toBeGreaterThanOrEqual(5)
  expect(whole).toBeLessThanOrEqual(5 + Math.ceil((5 * took) / 1000))
  expect(truncated + none).toBe(25 - whole)
  expect(Math.abs(truncated - none)).toBeLessThanOrEqual(1)
  expect(await overTcp(port)).toBe(0)
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
