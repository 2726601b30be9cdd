// The configuration as this machine can have it: beside what is written wrong, what it asks for and can't be had here.
import { type ConfigSources, loadConfig, settingError } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import { parseEngineAddress } from '../docker/address.ts'
import { whyNotShared } from '../net/choose-sockets.ts'

/** Rejects with a BerthError CONFIG that names file, line and key. */
export async function loadForHere(sources: Omit<ConfigSources, 'parseEngineAddress'>): Promise<Config> {
  const config = loadConfig({ ...sources, parseEngineAddress })
  const why = config.workers > 1 ? await whyNotShared(config.udp) : undefined
  if (why !== undefined) throw settingError(sources, ['workers'], why)
  return config
}
