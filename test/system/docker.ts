// A Docker engine as far as its API goes: one network with one container that stays as it is.
import { mkdtempSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
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

/** On a unix socket; with `tls`, PEM texts, over TCP and for those alone who have a certificate of its `ca`. */
export async function startEngine(
  container: string,
  address: string,
  tls?: { readonly ca: string; readonly cert: string; readonly key: string },
): Promise<Engine> {
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
  const serve: http.RequestListener = (request, response) => {
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
  }
  const server =
    tls === undefined
      ? http.createServer(serve)
      : https.createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, serve)
  const path = tls ?? join(mkdtempSync(join(tmpdir(), 'berth-engine-')), 'docker.sock')
  await new Promise<void>((resolve) => {
    if (typeof path === 'string') server.listen(path, resolve)
    else server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url:
      typeof path === 'string'
        ? `unix://${path}`
        : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
