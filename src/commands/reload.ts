// Reloads the configuration on SIGHUP and when its file changes. A wrong one is refused and logged; the old one stays in
// force.

import type { ConfigMetrics } from '../config/config-metrics.ts'
import { fixedSettings, listChanges } from '../config/diff.ts'
import type { Reading } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { logFoundEngine } from './usable-config.ts'

export interface Reload {
  /**
   * Reads the configuration again, once `start` was called. Requests during a reload make one more reload.
   */
  request(): void
  /** Follows the file from now on, and passes each new configuration to `apply`. */
  start(apply: (config: Config) => Promise<void>): void
  stop(): void
}

export interface ReloadOptions {
  /** The configuration in force. */
  readonly reading: Reading
  /** What `read` gave for the file before the configuration in force was read. */
  readonly text: string
  /** Reads all of it, as at start; throws a BerthError CONFIG that names file, line and key of each problem. */
  readonly load: () => Reading | Promise<Reading>
  /** A text that changes with the file; rejects as fs.readFile does. */
  readonly read: (file: string) => Promise<string>
  /** The usual socket path where an engine answers now. */
  readonly lookForEngine: (config: Config) => Promise<string | undefined>
  readonly counters: ConfigMetrics
  readonly clock: Clock
  readonly log: Logger
}

type Cause = 'SIGHUP' | 'file' | 'engine'

/** Between looks at the file, ms. By content, since it may be replaced by rename or through a symlink, or be a bind mount. */
const lookEvery = 2000
/** Between attempts to reload for an engine that was found, ms. */
const longestPause = 60_000

export function createReload(options: ReloadOptions): Reload {
  const { load, lookForEngine, counters, clock, log } = options
  const { file } = options.reading.config
  let { reading, text } = options
  let isWaiting = false
  let isAwaiting = false
  let apply: (config: Config) => Promise<void> = async () => {}
  let begin = () => {}
  const stopped = new AbortController()
  let work = new Promise<void>((resolve) => {
    begin = resolve
  })

  /** The file's text, or why it cannot be read: a file that is gone has changed, too. */
  async function look(): Promise<string> {
    if (file === undefined) return ''
    return options.read(file).catch((error: unknown) => `\0${explain(error)}`)
  }

  function request(cause: Cause, seen?: string): Promise<void> {
    if (isWaiting) return work
    isWaiting = true
    work = work.then(async () => {
      isWaiting = false
      if (stopped.signal.aborted) return
      // Before it is loaded: what is written meanwhile differs from this, and is seen at the next look.
      text = seen ?? (await look())
      await reload(cause).catch((error: unknown) => {
        counters.lastSuccess.cell().value = 0
        log.error({ why: explain(error) }, 'the configuration could not be changed')
      })
    })
    return work
  }

  async function reload(cause: Cause): Promise<void> {
    let next: Reading
    try {
      next = await load()
    } catch (error) {
      counters.reloads.add(1, 'refused')
      counters.lastSuccess.cell().value = 0
      if (!(error instanceof BerthError)) throw error
      const problems = error.message.split('\n')
      log.error({ cause, problems }, 'configuration refused, the old one stays in force; correct the file')
      return
    }
    const changed = listChanges(reading.marks, next.marks)
    const known = new Set(reading.warnings)
    if (changed.length > 0) await apply(next.config)
    reading = next
    counters.reloads.add(1, 'ok')
    counters.lastSuccess.cell().value = 1
    counters.lastReload.cell().value = clock.now() / 1000
    for (const warning of next.warnings) {
      if (!known.has(warning)) log.warn({ warning }, 'configuration')
    }
    const fixed = changed.filter((setting) => fixedSettings.includes(setting))
    if (fixed.length > 0) log.warn({ changed: fixed }, 'these settings take effect at the next start')
    if (changed.length > 0) log.info({ cause, changed }, 'configuration reloaded')
    else log[cause === 'SIGHUP' ? 'info' : 'debug']({ cause }, 'configuration reloaded, nothing changed')
    if (changed.includes('docker.engines')) logFoundEngine(next.config, log)
    void awaitEngine()
  }

  /** If no engine answered at the usual places, keeps looking for one. */
  async function awaitEngine(): Promise<void> {
    if (isAwaiting) return
    isAwaiting = true
    const isMissing = () => reading.config.docker.found?.isMissing === true
    // If the configuration is refused meanwhile, that is not logged every two seconds.
    for (let pause = lookEvery; isMissing() && !stopped.signal.aborted; ) {
      await sleep(clock, pause, stopped.signal)
      if (stopped.signal.aborted || !isMissing()) break
      if ((await lookForEngine(reading.config)) === undefined) continue
      await request('engine')
      pause = Math.min(2 * pause, longestPause)
    }
    isAwaiting = false
  }

  async function followFile(): Promise<void> {
    let before = text
    while (!stopped.signal.aborted) {
      await sleep(clock, lookEvery, stopped.signal)
      if (stopped.signal.aborted) return
      const now = await look()
      // The file may still be being written: only a text found twice counts.
      if (now === before && now !== text) await request('file', now)
      before = now
    }
  }

  return {
    request: () => void request('SIGHUP'),
    start(applyNext) {
      apply = applyNext
      begin()
      if (file !== undefined) void followFile()
      void awaitEngine()
    },
    stop: () => stopped.abort(),
  }
}
