// `berth serve`: runs the server until SIGTERM or SIGINT.
import { webcrypto } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type App, createApp } from '../app.ts'
import { createConfigMetrics } from '../config/config-metrics.ts'
import { readingOf } from '../config/reading.ts'
import { fileVariable } from '../config/variables.ts'
import { yamlLimits } from '../config/yaml.ts'
import { systemClock } from '../lib/clock.ts'
import { BerthError, explain } from '../lib/errors.ts'
import { readBytes } from '../lib/files.ts'
import { type Logger, logTo } from '../lib/log.ts'
import { type Output, standardOutput } from '../lib/output.ts'
import { lines } from '../lib/printable.ts'
import { createReread } from '../lib/reread.ts'
import { version } from '../version.ts'
import { collectOnce } from './collecting.ts'
import { type Io, onTerminal } from './io.ts'
import { forkReader, readInChild } from './read-in-child.ts'
import { createReload, type ReloadOptions } from './reload.ts'
import { describeStart } from './start-summary.ts'
import { logUncaught } from './uncaught.ts'
import { loadUsableConfig, logFoundEngine, lookForEngine } from './usable-config.ts'

const help = `Usage: berth serve [--config FILE] [--KEY=VALUE …]

Answers DNS questions until SIGTERM or SIGINT.

  --config FILE  the configuration, in YAML; default: BERTH_CONFIG, else every option has its default
  --KEY=VALUE    one option by its path; overrides file and environment: --log.level=debug --listen=127.0.0.1:53
  --help         print this text

SIGHUP, or a change to FILE, reloads the configuration, with the same flags and environment. A configuration with a
mistake is refused as a whole and the mistake is logged; the old one stays in force.

config/berth.yml lists every option with its default. Environment variables are BERTH_ and the path: BERTH_LOG_LEVEL.
`

/** How long the last log lines may take to be written, ms. */
const flushFor = 500

type Start = Pick<ReloadOptions, 'reading' | 'load' | 'text' | 'lookForEngine'>

export async function run(args: string[], outer: Io): Promise<number> {
  const io = onTerminal(outer)
  let start: Start
  try {
    const { file, flags, wantsHelp } = readArguments(args)
    if (wantsHelp) {
      io.stdout(help)
      return 0
    }
    const sources = { file, env: io.env, flags }
    const fork = forkReader(process.argv[1]!)
    // Taken before the file is parsed: a write in between counts as a change.
    const path = file ?? io.env[fileVariable]
    const text = path ? await digestOf(path).catch(() => '') : ''
    start = {
      text,
      reading: readingOf(await loadUsableConfig(sources)),
      load: () => readInChild(fork, systemClock, { ...sources, isAgain: true }),
      lookForEngine: (config) => lookForEngine(config, io.env),
    }
  } catch (error) {
    if (!(error instanceof BerthError)) throw error
    io.stderr(`${explain(error)}\n`)
    return 2
  }
  const output = standardOutput()
  const log = logTo(output, { level: start.reading.config.log.level })
  logUncaught(log)
  collectOnce()
  const code = await serve(start, log, output, io.stop)
  await output.flush(flushFor)
  return code
}

async function serve(start: Start, log: Logger, output: Output, stop: AbortSignal): Promise<number> {
  const { config, warnings } = start.reading
  const stopped = new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  const counters = createConfigMetrics(systemClock.now() / 1000)
  const reload = createReload({
    ...{ ...start, counters, log, clock: systemClock },
    read: createReread({ read: digestOf, clock: systemClock }),
  })
  process.on('SIGHUP', reload.request)
  // Our timers do not keep the process alive, and sockets may still be waiting for their addresses.
  const alive = setInterval(() => {}, 0x7fffffff)
  let app: App
  log.info({ version, node: process.version, config: config.file ?? 'defaults' }, 'starting')
  logFoundEngine(config, log)
  for (const warning of warnings) log.warn({ warning }, 'configuration')
  try {
    app = await createApp({ config, configMetrics: counters, log, lostLines: output.lost })
    // A stop does not wait for an engine that does not answer.
    if (!stop.aborted) await Promise.race([app.start(), stopped])
  } catch (error) {
    log.error({ why: explain(error) }, 'cannot start')
    clearInterval(alive)
    return 1
  }
  if (!stop.aborted) {
    const { fields, text } = describeStart(app, config)
    log.info(process.stdout.isTTY ? { text } : fields, 'ready')
    reload.start(app.update)
    await stopped
  }
  log.info({ signal: stop.reason }, 'stopping')
  reload.stop()
  await app.stop()
  log.info({}, 'stopped')
  clearInterval(alive)
  return 0
}

interface Arguments {
  readonly file: string | undefined
  /** Key path → text. */
  readonly flags: Readonly<Record<string, string>>
  readonly wantsHelp: boolean
}

/** `--config FILE` and `--help` are the command's own; any other `--KEY=VALUE` or `--KEY VALUE` is a setting. */
export function readArguments(args: string[]): Arguments {
  const { tokens } = parseArgs({
    ...{ args, strict: false, tokens: true },
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  })
  const flags: [string, string][] = []
  let file: string | undefined
  let wantsHelp = false
  let lastTaken = -1
  for (const token of tokens) {
    if (token.index <= lastTaken || token.kind === 'option-terminator') continue
    if (token.kind === 'positional') throw usageError(lines`"${token.value}" is an extra argument`)
    const { name, rawName } = token
    if (name === 'help') {
      wantsHelp = true
      continue
    }
    if (name !== 'config' && !rawName.startsWith('--')) throw usageError(lines`there is no option ${rawName}`)
    // parseArgs does not know that settings take a value, which may be negative but is no option.
    const value = token.value ?? (name === 'config' ? undefined : args[token.index + 1])
    if (value === undefined || (!token.inlineValue && /^-(?:-|[ch]$)/.test(value))) {
      throw usageError(lines`${rawName} needs a value: ${rawName}=VALUE`)
    }
    if (token.value === undefined) lastTaken = token.index + 1
    if (name === 'config') file = value
    else flags.push([name, value])
  }
  return { file, flags: Object.fromEntries(flags), wantsHelp }
}

function usageError(message: string): BerthError {
  return new BerthError('CONFIG', `berth serve: ${message}; "berth serve --help" lists the options`)
}

/** Computed on a thread, since files may be long. */
async function digestOf(file: string): Promise<string> {
  const bytes = await readBytes(file, yamlLimits.bytes)
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('base64')
}
