// Follows the configured engines, one watch each. On a reload, unchanged engines keep their watch, and no names go before
// those that replace them have been read.
import { isDeepStrictEqual } from 'node:util'
import { remoteEngines } from '../../config/local-engines.ts'
import type { Config, EngineConfig } from '../../config/types.ts'
import { remoteOf } from '../../registry/locality.ts'
import type { RemoteEngines } from '../../registry/types.ts'
import type { LabelRules } from '../model/grants.ts'
import { silenceLimit } from './connection.ts'
import { createWatch, type Watch, type WatchInfo, type WatchOptions } from './watch.ts'

export interface Engines {
  /** Resolves once each engine's first sync is done or has failed. Never rejects. */
  start(): Promise<void>
  /** Resolves once the same holds for those that are new, and those that are gone have left the table. */
  update(docker: Config['docker'], labelRules: LabelRules): Promise<void>
  /** undefined: no engine of this name is followed. */
  info(name: string): WatchInfo | undefined
  stop(): Promise<void>
}

export interface EnginesOptions extends Omit<WatchOptions, 'engine' | 'resync'> {
  readonly docker: Config['docker']
}

export function createEngines({ docker, labelRules: firstRules, ...shared }: EnginesOptions): Engines {
  const { store, clock, log, counters } = shared
  const followed = new Map<string, { readonly engine: EngineConfig; readonly watch: Watch }>()
  let { resync } = docker
  let labelRules = firstRules
  let isStopped = false
  for (const engine of docker.engines) add(engine)

  function add(engine: EngineConfig): Watch {
    const watch = createWatch({ engine, resync, labelRules, ...shared })
    followed.set(engine.name, { engine, watch })
    return watch
  }

  /** The names told by the engine's former address stay until the new one is read; they may soon be out of date. */
  function markAwayUnlessRead(name: string, watch: Watch): void {
    clock.setTimeout(() => {
      if (followed.get(name)?.watch !== watch || watch.info().connected) return
      store.apply({ kind: 'away', engine: name, away: true })
    }, silenceLimit)
  }

  async function begin(engine: EngineConfig): Promise<void> {
    const before = followed.get(engine.name)
    await before?.watch.stop()
    if (isStopped) return
    const watch = add(engine)
    watch.start()
    if (before !== undefined) markAwayUnlessRead(engine.name, watch)
    await watch.firstSync
  }

  /** What a remote engine has told is never a local one's, though that has its name now: it goes before that comes. */
  async function forgetTurned(
    changed: readonly EngineConfig[],
    former: RemoteEngines,
    remote: RemoteEngines,
  ): Promise<void> {
    const isIn = (list: RemoteEngines, name: string) => list.some(([each]) => each === name)
    const turned = changed.map(({ name }) => name).filter((name) => isIn(former, name) && !isIn(remote, name))
    if (turned.length === 0) return
    await Promise.all(turned.map((name) => followed.get(name)?.watch.stop()))
    const staying = [...store.current().engines.keys()].filter((name) => !turned.includes(name))
    if (!isStopped) store.apply({ kind: 'engines', engines: staying, remote: former })
  }

  async function remove(name: string): Promise<void> {
    await followed.get(name)?.watch.stop()
    if (isStopped) return
    followed.delete(name)
    for (const counter of Object.values(counters)) counter.forget('engine', name)
    log.info({ engine: name }, 'no longer following Docker engine')
  }

  return {
    async start() {
      const watches = [...followed.values()].map(({ watch }) => watch)
      for (const watch of watches) watch.start()
      await Promise.all(watches.map(({ firstSync }) => firstSync))
    },
    async update(next, rules) {
      const names = next.engines.map(({ name }) => name)
      const gone = [...followed.keys()].filter((name) => !names.includes(name))
      // Who is local or remote now is nothing to connect anew for.
      const changed = next.engines.filter(
        ({ name, address }) => !isDeepStrictEqual(followed.get(name)?.engine.address, address),
      )
      if (next.resync !== resync) {
        resync = next.resync
        for (const { watch } of followed.values()) watch.setResync(resync)
      }
      if (!isDeepStrictEqual(rules, labelRules)) {
        labelRules = rules
        for (const { watch } of followed.values()) watch.setLabelRules(rules)
      }
      const remote = remoteEngines(next.engines)
      const former = remoteOf(store.current().engines)
      await forgetTurned(changed, former, remote)
      if (isStopped) return
      const goneToo = former.filter(([name]) => gone.includes(name))
      store.apply({ kind: 'engines', engines: [...gone, ...names], remote: [...remote, ...goneToo] })
      await Promise.all(changed.map(begin))
      await Promise.all(gone.map(remove))
      if (!isStopped) store.apply({ kind: 'engines', engines: names, remote })
    },
    info: (name) => followed.get(name)?.watch.info(),
    async stop() {
      isStopped = true
      await Promise.all([...followed.values()].map(({ watch }) => watch.stop()))
    },
  }
}
