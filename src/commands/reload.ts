// The configuration while berth runs: read again on SIGHUP and when its file says something else. What is wrong is
// refused and told, and what was in force stays so.

import type { ConfigCounters } from '../config/counters.ts'
import { fixedSettings, listChanges } from '../config/diff.ts'
import type { Reading } from '../config/reading.ts'
import type { Config } from '../config/types.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { tellFound } from './found.ts'

export interface Reload {
  /**
   * Reads the configuration again, once `start` was called. Where one is being read, another one follows it, however
   * often it is asked for meanwhile.
   */
  request(): void
  /** Follows the file from now on, and hands what it says to `apply`. */
  start(apply: (config: Config) => Promise<void>): void
  stop(): void
}

export interface ReloadOptions {
  /** What is in force. */
  readonly reading: Reading
  /** What `read` told of the file before the configuration in force was read. */
  readonly text: string
  /** Reads all of it, as at start; throws a BerthError CONFIG that names file, line and key of each problem. */
  readonly load: () => Reading | Promise<Reading>
  /** Another text where the file says something else; rejects as fs.readFile does. */
  readonly read: (file: string) => Promise<string>
  /** The path of a usual place where an engine answers now. */
  readonly lookForEngine: (config: Config) => Promise<string | undefined>
  readonly counters: ConfigCounters
  readonly clock: Clock
  readonly log: Logger
}

type Cause = 'SIGHUP' | 'file' | 'engine'

/** Between looks at the file, ms. By content: it may be replaced by rename or through a symlink, and be a bind mount. */
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

  /** Its text; where there is none, why: that it is gone is something that the file says, too. */
  async function look(): Promise<string> {
    if (file === undefined) return ''
    return options.read(file).catch((error: unknown) => `\0${explain(error)}`)
  }

  function request(cause: Cause, told?: string): Promise<void> {
    if (isWaiting) return work
    isWaiting = true
    work = work.then(async () => {
      isWaiting = false
      if (stopped.signal.aborted) return
      // Before it is loaded: what is written meanwhile differs from this, and is seen at the next look.
      text = told ?? (await look())
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
      log.error({ cause, problems }, 'configuration refused, the former one stays in force; correct it')
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
    if (fixed.length > 0) log.warn({ changed: fixed }, 'these take effect at the next start')
    if (changed.length > 0) log.info({ cause, changed }, 'configuration reloaded')
    else log[cause === 'SIGHUP' ? 'info' : 'debug']({ cause }, 'configuration reloaded, nothing changed')
    if (changed.includes('docker.engines')) tellFound(next.config, log)
    void awaitEngine()
  }

  /** Where none answered at the usual places, one that comes later is found without anybody's help. */
  async function awaitEngine(): Promise<void> {
    if (isAwaiting) return
    isAwaiting = true
    const isMissing = () => reading.config.docker.found?.isMissing === true
    // Where it is found and the configuration is refused meanwhile, that is not told every other second.
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
      // Somebody may still be writing: what counts is what is found twice.
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
