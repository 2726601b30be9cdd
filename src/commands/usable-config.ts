// The configuration, checked against this machine: whether it can have what is asked for, and which engine was found.
import { type ConfigSources, loadConfig, settingError } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import { parseEngineAddress } from '../docker/api/address.ts'
import { findSocket, usualSockets } from '../docker/sync/usual-sockets.ts'
import type { Logger } from '../lib/log.ts'
import { whyNotShared } from '../net/choose-sockets.ts'

/** Rejects with a BerthError CONFIG that names file, line and key. */
export async function loadUsableConfig(sources: Omit<ConfigSources, 'parseEngineAddress'>): Promise<Config> {
  const config = loadConfig({ ...sources, parseEngineAddress })
  const why = config.workers > 1 ? await whyNotShared(config.udp) : undefined
  if (why !== undefined) throw settingError(sources, ['workers'], why)
  return config.docker.found?.by === 'place' ? atUsualPlace(config, sources.env) : config
}

/** The usual socket path where an engine answers; undefined: none does. */
export function lookForEngine(config: Config, env: ConfigSources['env']): Promise<string | undefined> {
  const id = process.getuid?.()
  // One of them may be configured as our own socket.
  const places = usualSockets({ id, env }).filter(({ path }) => path !== config.api.socket)
  return findSocket(places, id)
}

async function atUsualPlace(config: Config, env: ConfigSources['env']): Promise<Config> {
  const path = await lookForEngine(config, env)
  const { docker } = config
  if (path === undefined) {
    const found = { ...docker.found!, text: 'no engine answers at the usual places', isMissing: true }
    return { ...config, docker: { ...docker, found } }
  }
  return { ...config, docker: { ...docker, engines: [{ name: path, address: parseEngineAddress(path) }] } }
}

/** Logs which engine is followed, and how it was found, if docker.engines names none. */
export function logFoundEngine({ docker: { engines, found } }: Config, log: Logger): void {
  if (found === undefined) return
  const fields = { engine: engines[0]!.address.text, how: found.text }
  if (found.isMissing) log.warn(fields, 'no engine answers; will keep looking at the usual places')
  else log.info(fields, 'following the engine that was found')
}
