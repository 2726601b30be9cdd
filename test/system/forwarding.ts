// berth as a process that forwards to the given upstreams, without an engine.

import { freePort } from '../tools/servers/port.ts'
import { type Serving, serve } from './serve.ts'

export interface Forwarding {
  readonly serving: Serving
  readonly port: number
  readonly http: string
  /** The sum of all samples of a metric whose labels hold this text. */
  metric(name: string, labels?: string): Promise<number>
  /** Log lines with this message. */
  said(msg: string): Record<string, unknown>[]
  stop(): Promise<void>
}

export async function startForwarding(
  upstreams: readonly string[],
  forward: object = {},
  more: object = {},
): Promise<Forwarding> {
  const port = await freePort()
  const http = `127.0.0.1:${await freePort()}`
  const serving = serve({
    listen: [`127.0.0.1:${port}`],
    http,
    docker: { engines: ['unix:///nowhere/docker.sock'] },
    forward: { upstreams, ...forward },
    ...more,
  })
  await serving.logged('ready')
  return {
    serving,
    port,
    http,
    async metric(name, labels = '') {
      const text = await (await fetch(`http://${http}/metrics`)).text()
      let sum = 0
      for (const [, found, value] of text.matchAll(new RegExp(`^${name}(\\{.*\\})? (.*)$`, 'gm'))) {
        if ((found ?? '').includes(labels)) sum += Number(value)
      }
      return sum
    },
    said: (msg) => serving.lines.filter((line) => line.msg === msg),
    async stop() {
      serving.child.kill('SIGTERM')
      await serving.exited
    },
  }
}
