// The summary logged at `ready`: where berth listens, what it found, and a command to try.
import type { App } from '../app.ts'
import type { Config } from '../config/types.ts'
import { printable } from '../lib/printable.ts'
import { isLocal } from '../registry/locality.ts'
import { countNames } from '../registry/table.ts'
import type { Snapshot } from '../registry/types.ts'
import { listRoutes } from './route-text.ts'

/** As log fields, and as lines for a terminal. */
export function describeStart(app: App, config: Config): { fields: Record<string, unknown>; text: string } {
  const snapshot = app.store.current()
  const listening = app.listeners
    .bound()
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
  const engines = config.docker.engines.map(({ name, address }) => {
    const { product = 'Docker', version, apiVersion, connected, problem } = app.engines.info(name)!
    const state = connected
      ? [product, version, `(API ${apiVersion})`].filter(Boolean).join(' ')
      : `unreachable: ${problem ?? 'no answer yet'}`
    // Without a configured name, the address is the name.
    return address.text.endsWith(name) ? `${address.text}: ${state}` : `${name} ${address.text}: ${state}`
  })
  const networks = snapshot.networks.size
  const names = countAllNames(snapshot)
  const upstreams = app
    .upstreams()
    .current()
    .map(({ text }) => text)
  const routes = shortened(listRoutes(config.forward))
  const upstreamNames = shortened(upstreams)
  const metrics = config.http && `http://${httpHost(config.http.host)}:${config.http.port}/metrics`
  const dig = tryLine(app, config, snapshot)
  const lines: [string, string][] = [
    ['listening', `${listening.join(', ')} (UDP and TCP)`],
    ...(config.workers === 1 ? [] : [['workers', `${config.workers} processes`] as [string, string]]),
    ...engines.map((engine): [string, string] => ['engine', engine]),
    ['table', `${networks} networks, ${names} names`],
    ['upstreams', `${upstreamNames.join(', ') || 'none'} (from ${app.upstreams().origin})`],
    ...routes.map((route, i): [string, string] => [i === 0 ? 'routes' : '', route]),
    ['metrics', metrics ?? 'off'],
    ...(config.api.socket === undefined ? [] : [['socket', config.api.socket] as [string, string]]),
    ['try', dig],
  ]
  return {
    fields: {
      listening,
      ...(config.workers === 1 ? {} : { workers: config.workers }),
      engines,
      networks,
      names,
      upstreams: upstreamNames,
      routes,
      metrics,
      ...(config.api.socket === undefined ? {} : { socket: config.api.socket }),
      try: dig,
    },
    text: lines.map(([label, value]) => `  ${label.padEnd(10)} ${printable(value)}`).join('\n'),
  }
}

/** Lines of one kind; the rest is in the configuration. */
const mostShown = 100

function shortened(lines: readonly string[]): readonly string[] {
  if (lines.length <= mostShown) return lines
  return [...lines.slice(0, mostShown), `and ${lines.length - mostShown} more`]
}

function countAllNames(snapshot: Snapshot): number {
  return snapshot.tables.reduce((sum, table) => sum + countNames(table), 0)
}

/** A question that has an answer: the first container's name, or localhost if there is none. */
function tryLine(app: App, config: Config, snapshot: Snapshot): string {
  const bound = app.listeners.bound()
  const at = bound.find(({ host }) => host.startsWith('127.')) ?? bound[0]!
  const server = `dig @${at.host} -p ${at.port}`
  for (const container of snapshot.containers.values()) {
    if (!isLocal(snapshot.engines, container.engine)) continue
    const endpoint = container.endpoints.find(({ v4, v6 }) => v4.length + v6.length > 0)
    const network = endpoint && snapshot.networks.get(endpoint.networkId)
    if (endpoint === undefined || network === undefined) continue
    const name = `${container.name}.${network.network.name}.${config.zone}`
    // The line is meant for a shell, and a network's name may hold anything.
    if (/^\w[\w.-]*$/.test(name)) return `${server} ${name} ${endpoint.v4.length > 0 ? 'A' : 'AAAA'}`
  }
  return `${server} localhost`
}

function httpHost(host: string): string {
  if (host === '*') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
