// berth check: reads a configuration as serve would, and tells what it understood or what is wrong.
import { networkInterfaces } from 'node:os'
import { parseArgs } from 'node:util'
import { localityOf } from '../config/locality.ts'
import { listSettings } from '../config/schema.ts'
import type { CacheSettings, Config, EngineConfig, HostPort, NamePattern, Upstream } from '../config/types.ts'
import { formatHostPort } from '../config/values.ts'
import { variableNames } from '../config/variables.ts'
import { listWarnings } from '../config/warnings.ts'
import { systemClock } from '../lib/clock.ts'
import { addressesIn } from '../lib/interfaces.ts'
import { lines } from '../lib/printable.ts'
import { listEngineWarnings } from './engine-warnings.ts'
import { loadForHere } from './here.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { listRoutes } from './routes.ts'

const help = () => `berth check [FILE]   reads a configuration as "berth serve" would, environment included

Where FILE is left out: BERTH_CONFIG, else defaults and environment alone. Engines that can be read are looked at for
networks and Compose projects that are called like a public domain, and for networks that are not on this machine.

  --json            print the configuration as JSON, defaults filled in
  --help            this text

Exit codes: 0 the configuration is right, 2 it is not.

Settings, and the environment variables that go before the file:

${columns(listSettings().map((setting) => [`  ${setting}`, variableNames(setting)[0]!]))}`

export const run: Command = (args, outer) =>
  guard(outer, async (io) => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help) {
      io.stdout(help())
      return exit.done
    }
    if (positionals.length > 1) {
      io.stderr(lines`"${positionals[1]!}" is one argument too many\nTry "berth check --help".\n`)
      return exit.usage
    }
    const config = await loadForHere({ file: positionals[0], env: io.env, flags: {} })
    io.stdout(values.json ? `${JSON.stringify(withoutKeys(config))}\n` : summary(config))
    const own = addressesIn(networkInterfaces())
    const warnings = [...listWarnings(config), ...(await listEngineWarnings(config, own, systemClock))]
    for (const warning of warnings) io.stderr(lines`warning: ${warning}\n`)
    return exit.done
  })

function summary({
  file,
  listen,
  workers,
  docker,
  zone,
  ttl,
  health,
  scope,
  labels,
  hosts,
  forward,
  cache,
  http,
  api,
  log,
}: Config): string {
  return columns([
    ['configuration', file ?? 'defaults and environment'],
    ['listen', list(listen.map(address))],
    ...(workers === 1 ? [] : [['workers', `${workers} processes`]]),
    ...docker.engines.map((engine, i) => [i === 0 ? 'engines' : '', describeEngine(engine, docker)]),
    ['resync', `every ${docker.resync / 1000} s`],
    ['zone', zone],
    ['ttl', `${ttl} s`],
    ['health', health],
    [
      'labels',
      labels.allow.length === 0 ? 'may give no names' : `may give ${list(labels.allow.map(pattern))}`,
    ],
    ['scope', `gateway ${scope.gateway}, allow ${list(scope.allow.map(({ text }) => text))}`],
    ...hosts.map(({ name, wildcard, v4, v6, networks }, i) => [
      i === 0 ? 'hosts' : '',
      `${wildcard ? '*.' : ''}${name} → ${[...v4, ...v6].join(', ')}${networks === undefined ? '' : ` on ${networks.join(', ')}`}`,
    ]),
    ['upstreams', `${upstreams(forward.upstreams)}; ${forward.order}, ${forward.timeout} ms for all tries`],
    ...listRoutes(forward).map((route, i) => [i === 0 ? 'routes' : '', route]),
    ...forward.servers.flatMap(describeServer).map((server) => ['', server]),
    ...(forward.singleLabel ? [['', 'names of one label are forwarded']] : []),
    ...(forward.rebindProtection ? [['rebinding', rebinding(forward.rebindAllow)]] : []),
    ['cache', describeCache(cache)],
    ['http', http === undefined ? 'off' : address(http)],
    ...describeApi(api),
    ['log', `${log.level}${log.queries ? ', every question' : ''}`],
  ])
}

function describeServer({ text, edns, ad }: Config['forward']['servers'][number]): string[] {
  const without = [...(edns ? [] : ['EDNS']), ...(ad ? [] : ['AD'])]
  return without.length === 0 ? [] : [`${text} is asked without ${without.join(' and ')}`]
}

function describeEngine(engine: EngineConfig, { engines, found }: Config['docker']): string {
  const { name, address, reach = 'none' } = engine
  const { local, why } = localityOf(engine, engines)
  // An engine without a name of its own is called by its address.
  const called = address.text.endsWith(name) ? address.text : `${name} (${address.text})`
  const how = found === undefined ? '' : `, ${found.text}`
  return `${called}${how}, ${local ? `local (${why})` : `remote (${why}), reach ${reach}`}`
}

function describeCache({ entries, bytes, maxTtl, maxNegativeTtl, stale }: CacheSettings): string {
  if (entries === 0) return 'off'
  const size = bytes < 2 ** 20 ? `${Math.round(bytes / 2 ** 10)} KiB` : `${Math.round(bytes / 2 ** 20)} MiB`
  const after = stale === 0 ? 'never stale' : `stale for ${stale / 1000} s`
  return `${entries} answers in ${size}; ${maxTtl / 1000} s at most, denials ${maxNegativeTtl / 1000} s, ${after}`
}

function describeApi({ socket, group, token, hosts }: Config['api']): string[][] {
  const lines = [
    ...(socket === undefined ? [] : [`socket ${socket}${group === undefined ? '' : `, group ${group}`}`]),
    ...(token === undefined ? [] : [`over TCP the host's view wants the token of ${token.file}`]),
    ...(hosts.length === 0 ? [] : [`also asked as ${hosts.join(', ')}`]),
  ]
  return lines.map((line, i) => [i === 0 ? 'api' : '', line])
}

function address({ host, port }: HostPort): string {
  return formatHostPort(host, port)
}

function upstreams(servers: 'auto' | readonly Upstream[]): string {
  return servers === 'auto' ? 'auto (resolv.conf)' : list(servers.map(({ text }) => text))
}

function pattern({ name, wildcard }: NamePattern): string {
  return name === '' ? 'any name' : wildcard ? `*.${name}` : name
}

function rebinding(allowed: readonly string[]): string {
  const except = allowed.length === 0 ? '' : `, but below ${allowed.join(', ')}`
  return `private addresses from upstreams are withheld${except}`
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ')
}

/** Private keys and tokens are nobody's to print. */
function withoutKeys(config: Config): unknown {
  const { engines: all } = config.docker
  const engines = all.map((engine) => {
    const { local } = localityOf(engine, all)
    const { name, address, reach = 'none' } = engine
    return { name, url: address.text, local, ...(local ? {} : { reach }) }
  })
  const allow = config.scope.allow.map(({ text }) => text)
  const api = { ...config.api, token: config.api.token?.file }
  return { ...config, docker: { ...config.docker, engines }, scope: { ...config.scope, allow }, api }
}
