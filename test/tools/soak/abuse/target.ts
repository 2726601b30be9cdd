// What is attacked: berth as a process of its own on two addresses, an upstream beside it, and what berth's metrics say.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, serve } from '../../../system/serve.ts'
import { createClient } from '../client.ts'
import { foreignZone, localName } from './packets.ts'

export interface Target {
  /** Where the polite asker asks. */
  readonly here: { readonly host: string; readonly port: number }
  /** Another address of the same server. */
  readonly there: { readonly host: string; readonly port: number }
  /** The sum of a metric's series. */
  read(...names: string[]): Promise<number[]>
  /** Series of a metric that have a value, as lines. */
  list(name: string): Promise<string[]>
  /** Memory after a forced collection, bytes, and what is open. */
  weigh(): Promise<Weight>
  stop(): Promise<void>
}

export interface Weight {
  readonly rss: number
  readonly heap: number
  readonly descriptors: number
  readonly handles: number
  readonly connections: number
}

/** SIGUSR2 has the server collect its garbage, so that what is left is what it holds. */
const collects = ['--expose-gc', '--import', `data:text/javascript,process.on('SIGUSR2',()=>globalThis.gc())`]

export async function startTarget(): Promise<Target> {
  const upstream = dgram.createSocket('udp4')
  upstream.on('error', () => {})
  upstream.on('message', (message, from) => {
    // NXDOMAIN, with the question as it came.
    message.writeUInt16BE(0x8183, 2)
    upstream.send(message, from.port, from.address)
  })
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve))
  const port = await freePort()
  const http = await freePort()
  const serving = serve(
    {
      listen: [`127.0.0.1:${port}`, `127.0.0.2:${port}`],
      http: `127.0.0.1:${http}`,
      docker: { engines: ['unix:///nowhere/docker.sock'] },
      hosts: { [localName]: '192.0.2.1' },
      forward: { upstreams: [], zones: { [foreignZone]: [`127.0.0.1:${upstream.address().port}`] } },
      log: { level: 'error' },
    },
    { node: collects },
  )
  // Where another program has the port at the moment, berth tries again.
  for (const host of ['127.0.0.1', '127.0.0.2']) await until(() => answers(host, port))
  const pid = serving.child.pid!

  const text = async () => (await fetch(`http://127.0.0.1:${http}/metrics`)).text()
  const linesOf = (metrics: string, name: string) =>
    metrics.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  const sum = (lines: readonly string[]) =>
    lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)

  return {
    here: { host: '127.0.0.1', port },
    there: { host: '127.0.0.2', port },
    async read(...names) {
      const metrics = await text()
      return names.map((name) => sum(linesOf(metrics, name)))
    },
    list: async (name) => linesOf(await text(), name),
    async weigh() {
      serving.child.kill('SIGUSR2')
      await sleep(300)
      const metrics = await text()
      const value = (name: string) => sum(linesOf(metrics, name))
      return {
        rss: value('process_resident_memory_bytes'),
        heap: value('nodejs_heap_size_used_bytes'),
        descriptors: readdirSync(`/proc/${pid}/fd`).length,
        handles: value('nodejs_active_handles'),
        connections: value('berth_limits_connections'),
      }
    },
    async stop() {
      serving.child.kill('SIGTERM')
      const code = await serving.exited
      upstream.close()
      if (code !== 0) throw new Error(`berth ended with ${code}`)
    },
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  const client = await createClient({ host, port })
  const { rcode } = await client.ask(localName)
  client.close()
  const socket = net.connect(port, host)
  await once(socket, 'connect')
  socket.destroy()
  return rcode === 'NOERROR'
}

async function until(look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 30; i++) {
    if (await look().catch(() => false)) return
    await sleep(50)
  }
  throw new Error('berth does not answer')
}
