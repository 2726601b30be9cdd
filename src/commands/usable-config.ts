// The configuration as this machine can have it: beside what is written wrong, what it asks for and can't be had here.
import { type ConfigSources, loadConfig, settingError } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import { parseEngineAddress } from '../docker/address.ts'
import { findPlace, usualPlaces } from '../docker/places.ts'
import { whyNotShared } from '../net/choose-sockets.ts'

/** Rejects with a BerthError CONFIG that names file, line and key. */
export async function loadForHere(sources: Omit<ConfigSources, 'parseEngineAddress'>): Promise<Config> {
  const config = loadConfig({ ...sources, parseEngineAddress })
  const why = config.workers > 1 ? await whyNotShared(config.udp) : undefined
  if (why !== undefined) throw settingError(sources, ['workers'], why)
  return config.docker.found?.by === 'place' ? atUsualPlace(config, sources.env) : config
}

/** The usual place that answers, where nothing says which engine is meant; undefined: none does. */
export function lookForEngine(config: Config, env: ConfigSources['env']): Promise<string | undefined> {
  const id = process.getuid?.()
  // Somebody may have us listen at one of them.
  const places = usualPlaces({ id, env }).filter(({ path }) => path !== config.api.socket)
  return findPlace(places, id)
}

async function atUsualPlace(config: Config, env: ConfigSources['env']): Promise<Config> {
  const path = await lookForEngine(config, env)
  const { docker } = config
  if (path === undefined) {
    const found = { ...docker.found!, text: 'nothing answers at the usual places', isMissing: true }
    return { ...config, docker: { ...docker, found } }
  }
  return { ...config, docker: { ...docker, engines: [{ name: path, address: parseEngineAddress(path) }] } }
}
