// `berth check`: reads a configuration as `berth serve` would, and shows what it means or what is wrong with it.
import { networkInterfaces } from 'node:os'
import { parseArgs } from 'node:util'
import { listWarnings } from '../config/config-warnings.ts'
import { localityOf } from '../config/local-engines.ts'
import { listSettings } from '../config/schema.ts'
import { formatHostPort } from '../config/text-values.ts'
import type { CacheSettings, Config, EngineConfig, HostPort, NamePattern, Upstream } from '../config/types.ts'
import { variableNames } from '../config/variables.ts'
import { systemClock } from '../lib/clock.ts'
import { addressesIn } from '../lib/interfaces.ts'
import { lines } from '../lib/printable.ts'
import { mayBeInUserNamespace } from '../lib/user-namespace.ts'
import { listEngineWarnings } from './engine-warnings.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { listRoutes } from './route-text.ts'
import { loadUsableConfig } from './usable-config.ts'

const help = () => `Usage: berth check [FILE] [OPTIONS]

Reads a configuration as "berth serve" would, environment included, and shows what it means or what is wrong with it.
FILE defaults to BERTH_CONFIG, else to defaults and environment alone. Also warns about networks and Compose projects
named like a public domain, and about networks that are not on this machine, of each engine that can be read.

  --json  print the configuration as JSON, with defaults
  --help  print this text

Exit codes: 0 the configuration is valid, 2 it is not.

Settings, and the environment variables that override the file:

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
      io.stderr(lines`"${positionals[1]!}" is an extra argument\nTry "berth check --help".\n`)
      return exit.usage
    }
    const config = await loadUsableConfig({ file: positionals[0], env: io.env, flags: {} })
    io.stdout(values.json ? `${JSON.stringify(withoutKeys(config))}\n` : summary(config))
    const here = {
      addresses: addressesIn(networkInterfaces()),
      mayBeInUserNamespace: mayBeInUserNamespace(),
    }
    const warnings = [...listWarnings(config), ...(await listEngineWarnings(config, here, systemClock))]
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
      labels.allow.length === 0 ? 'may grant no names' : `may grant ${list(labels.allow.map(pattern))}`,
    ],
    ['scope', `gateway ${scope.gateway}, allow ${list(scope.allow.map(({ text }) => text))}`],
    ...hosts.map(({ name, wildcard, v4, v6, networks }, i) => [
      i === 0 ? 'hosts' : '',
      `${wildcard ? '*.' : ''}${name} → ${[...v4, ...v6].join(', ')}${networks === undefined ? '' : ` on ${networks.join(', ')}`}`,
    ]),
    ['upstreams', `${upstreams(forward.upstreams)}; ${forward.order}, ${forward.timeout} ms for all tries`],
    ...listRoutes(forward).map((route, i) => [i === 0 ? 'routes' : '', route]),
    ...forward.servers.flatMap(describeServer).map((server) => ['', server]),
    ...(forward.singleLabel ? [['', 'single-label names are forwarded']] : []),
    ...(forward.rebindProtection ? [['rebinding', rebinding(forward.rebindAllow)]] : []),
    ['cache', describeCache(cache)],
    ['http', http === undefined ? 'off' : address(http)],
    ...describeApi(api),
    ['log', `${log.level}${log.queries ? ', every question' : ''}`],
  ])
}

function describeServer({ text, edns, ad }: Config['forward']['servers'][number]): string[] {
  const without = [...(edns ? [] : ['EDNS']), ...(ad ? [] : ['AD'])]
  return without.length === 0 ? [] : [`${text} is queried without ${without.join(' and ')}`]
}

function describeEngine(engine: EngineConfig, { engines, found }: Config['docker']): string {
  const { name, address, reach = 'none' } = engine
  const { local, why } = localityOf(engine, engines)
  // Without a configured name, the address is the name.
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
    ...(token === undefined ? [] : [`over TCP the host's view requires the token in ${token.file}`]),
    ...(hosts.length === 0 ? [] : [`also reached as ${hosts.join(', ')}`]),
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
  const except = allowed.length === 0 ? '' : `, except below ${allowed.join(', ')}`
  return `answers with private addresses are withheld${except}`
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ')
}

/** Private keys and tokens are never printed. */
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
