// A Docker engine as far as its API goes, on a unix socket: one network with one container that stays as it is.
import { mkdtempSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Engine {
  readonly url: string
  /** Paths that were asked for, without API version and parameters. */
  readonly asked: string[]
  /** Nothing is answered until it is let go. */
  hold(): void
  release(): void
  close(): void
}

export async function startEngine(container: string, address: string): Promise<Engine> {
  const path = join(mkdtempSync(join(tmpdir(), 'berth-engine-')), 'docker.sock')
  const asked: string[] = []
  const held: (() => void)[] = []
  let isHeld = false
  const id = container.padEnd(64, '0')
  const networkId = `net-${container}`.padEnd(64, '0')
  const place = { NetworkID: networkId, IPAddress: address }
  const names = [container, id.slice(0, 12)]
  const network = {
    ...{ Id: networkId, Name: `${container}-net`, Driver: 'bridge', Scope: 'local' },
    IPAM: { Config: [{ Subnet: `${address}/32` }] },
  }
  const networksOf = (endpoint: object) => ({ Networks: { [network.Name]: endpoint } })
  const answers: Record<string, () => unknown> = {
    '/_ping': () => 'OK',
    '/version': () => ({ Version: '26.1.5', ApiVersion: '1.45' }),
    '/info': () => ({ SystemTime: new Date().toISOString() }),
    '/networks': () => [network],
    [`/networks/${networkId}`]: () => ({
      ...network,
      Containers: { [id]: { IPv4Address: `${address}/32` } },
    }),
    '/containers/json': () => [
      { Id: id, Names: [`/${container}`], State: 'running', NetworkSettings: networksOf(place) },
    ],
    [`/containers/${id}/json`]: () => ({
      ...{ Id: id, Name: `/${container}`, Config: { Hostname: container } },
      State: { Status: 'running', Running: true, StartedAt: '2026-01-01T00:00:00Z' },
      NetworkSettings: networksOf({ ...place, DNSNames: names, Aliases: [] }),
    }),
  }
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://engine')
    const what = pathname.replace(/^\/v[\d.]+/, '')
    asked.push(what)
    const answer = () => {
      response.setHeader('content-type', 'application/json')
      if (what === '/events') {
        response.flushHeaders()
        if (searchParams.has('until')) response.end()
        return
      }
      const found = answers[what]?.()
      response.statusCode = found === undefined ? 404 : 200
      response.end(JSON.stringify(found ?? { message: 'no such thing' }))
    }
    if (isHeld) held.push(answer)
    else answer()
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    url: `unix://${path}`,
    asked,
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      for (const answer of held.splice(0)) answer()
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
