// `berth serve`: runs the server until SIGTERM or SIGINT, and says in a few lines what it found.
import { webcrypto } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type App, createApp } from '../app.ts'
import { createConfigCounters } from '../config/counters.ts'
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
import { forkReader, readApart } from './apart.ts'
import { collectOnce } from './collecting.ts'
import { tellFound } from './found.ts'
import { loadForHere, lookForEngine } from './here.ts'
import { type Io, onTerminal } from './io.ts'
import { surviveMistakes } from './process.ts'
import { createReload, type ReloadOptions } from './reload.ts'
import { describeStart } from './start.ts'

const help = `Usage: berth serve [--config FILE] [--KEY=VALUE …]

Answers DNS questions until it is stopped (SIGTERM, SIGINT).

  --config FILE   configuration, YAML; without it every option has its default
  --KEY=VALUE     one option by its path, over file and environment: --log.level=debug --listen=127.0.0.1:53
  --help

SIGHUP, or a change in FILE, reloads the configuration, flags and environment as they were. One with a mistake in it is
refused whole and the mistake is logged; what was in force stays so.

Every option with its default: config/berth.yml. Environment variables are BERTH_ and the path: BERTH_LOG_LEVEL.
`

/** How long the last lines may take to leave, ms. */
const flushFor = 500

/** The configuration, how to read it again, what its file said before, and how to look for an engine. */
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
    // Before it is understood: what is written meanwhile is a change.
    const path = file ?? io.env[fileVariable]
    const text = path ? await markOf(path).catch(() => '') : ''
    start = {
      text,
      reading: readingOf(await loadForHere(sources)),
      load: () => readApart(fork, systemClock, { ...sources, isAgain: true }),
      lookForEngine: (config) => lookForEngine(config, io.env),
    }
  } catch (error) {
    if (!(error instanceof BerthError)) throw error
    io.stderr(`${explain(error)}\n`)
    return 2
  }
  const output = standardOutput()
  const log = logTo(output, { level: start.reading.config.log.level })
  surviveMistakes(log)
  collectOnce()
  const code = await serve(start, log, output, io.stop)
  await output.flush(flushFor)
  return code
}

async function serve(start: Start, log: Logger, output: Output, stop: AbortSignal): Promise<number> {
  const { config, warnings } = start.reading
  const told = new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  const counters = createConfigCounters(systemClock.now() / 1000)
  const reload = createReload({
    ...{ ...start, counters, log, clock: systemClock },
    read: createReread({ read: markOf, clock: systemClock }),
  })
  process.on('SIGHUP', reload.request)
  // Timers don't keep the process alive, and with every socket waiting for its address nothing else might.
  const alive = setInterval(() => {}, 0x7fffffff)
  let app: App
  log.info({ version, node: process.version, config: config.file ?? 'defaults' }, 'starting')
  tellFound(config, log)
  for (const warning of warnings) log.warn({ warning }, 'configuration')
  try {
    app = await createApp({ config, configCounters: counters, log, lostLines: output.lost })
    // Whoever is to stop does not wait for an engine that does not answer.
    if (!stop.aborted) await Promise.race([app.start(), told])
  } catch (error) {
    log.error({ why: explain(error) }, 'can not start')
    clearInterval(alive)
    return 1
  }
  if (!stop.aborted) {
    const { fields, text } = describeStart(app, config)
    log.info(process.stdout.isTTY ? { text } : fields, 'ready')
    reload.start(app.update)
    await told
  }
  log.info({ signal: stop.reason }, 'stopping')
  reload.stop()
  await app.stop()
  log.info({}, 'stopped')
  clearInterval(alive)
  return 0
}

/** `--config FILE` and `--help` are ours, every other `--a.b=value` is an option's path. */
function readArguments(args: string[]): { file?: string; flags: Record<string, string>; wantsHelp: boolean } {
  const flags: Record<string, string> = {}
  const own: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    const [, key, value] = /^--([a-zA-Z][a-zA-Z.]*)(?:=(.*))?$/s.exec(arg) ?? []
    if (key === undefined || key === 'config' || key === 'help') own.push(arg)
    else if (value !== undefined) flags[key] = value
    else if (i + 1 < args.length) flags[key] = args[++i]!
    else throw new BerthError('CONFIG', lines`--${key} needs a value: --${key}=VALUE`)
  }
  try {
    const { values } = parseArgs({
      args: own,
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    })
    return {
      ...(values.config === undefined ? {} : { file: values.config }),
      flags,
      wantsHelp: values.help === true,
    }
  } catch (error) {
    throw new BerthError(
      'CONFIG',
      lines`berth serve: ${explain(error)}; berth serve --help lists the options`,
    )
  }
}

/** A short text that differs where the file does, worked out on a thread: files may be long. */
async function markOf(file: string): Promise<string> {
  const bytes = await readBytes(file, yamlLimits.bytes)
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('base64')
}
