// `npm test`: the unit tests on this machine, then the engine tests beside each engine; the sum comes last. Private engines
// have namespaces of their own, and their tests wait most of the time: two run side by side, some tests that are chosen in
// turns. Which files run beside which engine says engine/which.ts; those that are named run wherever they are asked for.
//
//   npm test -- [unit] [engine] [28] [26.1] [20.10] [podman] [arguments for vitest…]
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages, installPrometheus, type Version } from './engine/install.ts'
import { findPlace, launch, type Place, runCommand } from './engine/launch.ts'
import { type Counts, count, engineName, listFailures, parseChoice, type Report, sum } from './runs.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
// Programs that unit and system tests call.
const programs = [
  'bind9-dnsutils',
  'bind9-utils',
  'dnsmasq-base',
  'dnsperf',
  'gcc',
  'iproute2',
  'libc6-dev',
  'musl-tools',
  'openssl',
]
// Servers among them: only for tests, so the machine does not run them by itself.
const servers = ['dnsdist', 'nsd', 'unbound']

const isCI = !['', '0', 'false', undefined].includes(process.env.CI)
process.chdir(root)
const { runs, rest } = parseChoice(process.argv.slice(2))
const folder = mkdtempSync(join(tmpdir(), 'berth-test-'))
// Tests that are another user have their files in it as well.
chmodSync(folder, 0o755)
const leftOut: string[] = []
const failures: string[] = []
let isInterrupted = false
let usedHost: string | undefined

async function main(): Promise<number> {
  const list: Counts[] = []
  if (runs.includes('unit')) list.push(await runUnit())
  const places: Place[] = []
  for (const run of runs) {
    const place = run === 'unit' || isInterrupted ? undefined : await findEngine(run)
    if (place) places.push(place)
  }
  const atOnce = rest.length > 0 || availableParallelism() === 1 ? 1 : 2
  const waiting = [...places.entries()]
  const takeTurns = async () => {
    for (let next = waiting.shift(); next !== undefined && !isInterrupted; next = waiting.shift()) {
      const [i, place] = next
      list.push(await runEngine(place, i > 0 && atOnce > 1))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, takeTurns))
  const total = sum(list)
  if (isInterrupted) total.failed++
  if (total.passed + total.failed === 0 && leftOut.length === 0) {
    console.error('No test ran.')
    total.failed++
  }
  for (const text of failures) console.log(`\n!!! FAILED: ${text}`)
  for (const text of leftOut) console.error(`\n!!! LEFT OUT: ${text}`)
  if (total.skipped > 0) console.error(`\n!!! ${total.skipped} tests were skipped`)
  if (isCI) total.failed += total.skipped + leftOut.length
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 ? 0 : 1
}

async function runUnit(): Promise<Counts> {
  const why =
    (await installPackages(programs, servers)) ?? (await installPrometheus().then(() => undefined, String))
  if (why) console.error(`Some tests may fail: ${why}`)
  announce('unit tests')
  return runVitest('unit', 'unit', (command, args) =>
    runCommand(command, args, { ...process.env, TMPDIR: folder }),
  )
}

async function findEngine(version: Version): Promise<Place | undefined> {
  const place = await findPlace(version)
  if (place.kind === 'none') {
    leftOut.push(
      `engine tests, ${engineName(version)}: ${place.why}\n` +
        '    To run them: as root on Debian, or with DOCKER_HOST set to an engine you may use.',
    )
    return undefined
  }
  if (place.kind === 'reachable') {
    if (usedHost) return undefined
    usedHost = place.host
  }
  return place
}

/** `isQuiet`: beside another one; what it says comes at its end, in one piece. */
async function runEngine(place: Place, isQuiet: boolean): Promise<Counts> {
  if (place.kind === 'none') throw new Error(place.why)
  const what =
    place.kind === 'reachable'
      ? `engine tests, ${engineName(place.version)} at ${place.host} only (private engines need root on Debian)`
      : `engine tests, a private ${engineName(place.version)}`
  const label = `engine ${place.version}`
  const whole = rest.length > 0 ? {} : { BERTH_WHOLE: '1' }
  if (!isQuiet) {
    announce(what)
    return runVitest('engine', label, (command, args) => launch(place, command, args, whole))
  }
  console.log(`\n=== ${what}: beside another; what it says comes at its end`)
  const file = join(folder, `said beside ${place.version}`)
  const output = openSync(file, 'w')
  const counts = await runVitest('engine', label, (command, args) =>
    launch(place, command, args, whole, output),
  )
  closeSync(output)
  announce(what)
  process.stdout.write(readFileSync(file))
  return counts
}

async function runVitest(
  project: string,
  label: string,
  execute: (command: string, args: string[]) => Promise<number>,
): Promise<Counts> {
  const file = join(folder, `${label}.json`)
  rmSync(file, { force: true })
  const filtered = rest.length > 0
  const args = [vitest, 'run', '--config', join(root, 'test/vitest.config.ts'), '--project', project]
  args.push('--reporter=default', '--reporter=json', `--outputFile.json=${file}`)
  if (filtered) args.push('--passWithNoTests')
  const code = await execute(process.execPath, [...args, ...rest]).catch((error) => {
    console.error(error instanceof Error ? error.message : error)
    return 1
  })
  const report = readReport(file)
  const failed = listFailures(report).map((text) => `${label}: ${text.replaceAll(`${root}`, '')}`)
  const counts = count(code, report, filtered)
  if (counts.failed > 0 && failed.length === 0)
    failed.push(`${label}: the run itself, which ended with ${code}`)
  failures.push(...failed)
  return counts
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function announce(what: string): void {
  console.log(`\n=== ${what}`)
}

// Whatever runs at the moment is told by its own handler; this one sees to it that nothing else is begun.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isInterrupted = true
  })
}

main()
  .catch((error) => {
    console.error(error)
    console.log('\n0 passed, 1 failed')
    return 1
  })
  .then((code) => {
    rmSync(folder, { recursive: true, force: true })
    process.exitCode = code
  })
