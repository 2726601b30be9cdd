// What an answer costs, beside other servers: unbound, dnsmasq, aardvark-dns, Docker's own resolver, and the least that any
// server could take. docs/bench.md says how it is measured.
//
//   npm run bench -- [peers | curve | profile] [--rounds 3] [--seconds 2] [--only a,b] [--servers berth,unbound]
//     [--out FOLDER]
//   npm run bench -- --against DIR [--pairs 7] [--rows local,tcp] [--limit 1.03] [--seconds 3] [--out FOLDER]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from '../../engine/install.ts'
import { installNewer } from '../../engine/newer.ts'
import { besideEngine } from '../soak/beside.ts'
import { asksForBuild, parseAgainst } from './against/options.ts'
import { againstTools, readBuilds, runAgainst } from './against/run.ts'
import { runCurve } from './curve.ts'
import { makeFolder } from './folder.ts'
import { describeMachine } from './machine.ts'
import { buildNative } from './native/build.ts'
import { parseOptions } from './options.ts'
import { type Bench, contenders, runPeers, type Setting, tell } from './peers.ts'
import { openPlace } from './place.ts'
import { profileTables } from './profile/groups.ts'
import { runProfile } from './profile/profile.ts'
import { drawChart } from './report/chart.ts'
import { replacePart } from './report/document.ts'
import { type Report, reportJson, writeReport } from './report/report.ts'
import { summarize } from './report/summary.ts'
import { judge } from './report/targets.ts'
import { titlesOf } from './servers/contender.ts'
import { startUpstream } from './servers/floor.ts'
import { keys } from './workloads.ts'

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url))
const tools = ['dnsperf', 'dnsmasq-base', 'aardvark-dns', 'gcc', 'libc6-dev', 'iproute2', 'util-linux']

async function measureServers(setting: Setting): Promise<void> {
  const { part, only, servers, rounds, seconds, out } = setting.options
  const machine = describeMachine(['dnsperf'])
  const titles = titlesOf(contenders)
  const rows = part === 'curve' ? [] : summarize(await runPeers(setting))
  const points = part === 'peers' ? [] : await runCurve(setting)
  const report = { machine, titles, rounds, seconds, rows, verdicts: judge(rows), points }
  const text = writeReport(report)
  console.log(`\n${text}`)
  if (out !== undefined) writeFiles(report, (name) => join(out, name))
  // A part of it is no reason to forget the rest.
  if (part !== 'all' || only.length < keys.length || servers.length > 0) return
  writeFiles(report, docs)
  writePart('measured', text)
}

function writeFiles(report: Report, place: (name: string) => string): void {
  writeFileSync(place('bench.json'), reportJson(report))
  writeFileSync(place('bench.svg'), drawChart(report.rows, report.points, report.titles))
}

async function profile(setting: Setting): Promise<void> {
  const { figures, times } = await runProfile(setting)
  tell('local A under the profiler', figures)
  const tables = profileTables(times, figures.cpu)
  console.log(`\n${tables}`)
  writePart('profile', tables)
}

function writePart(name: string, content: string): void {
  writeFileSync(docs('bench.md'), replacePart(readFileSync(docs('bench.md'), 'utf8'), name, content))
}

function leave(code: number, why: unknown): never {
  console.error(`bench: ${why instanceof Error ? why.message : why}`)
  process.exit(code)
}

interface Job {
  /** Gives why what it needs can't be had, or nothing. */
  install(): Promise<string | undefined>
  /** Gives the exit code. */
  run(bench: Omit<Bench, 'seconds'>): Promise<number>
}

/** What the arguments ask for. Throws where they can't be met: a run is long, and what it lacks is found before it. */
function readJob(argv: readonly string[]): Job {
  if (asksForBuild(argv)) {
    const options = parseAgainst(argv)
    readBuilds(options)
    makeFolder('out', options.out)
    return { install: () => installPackages(againstTools), run: (bench) => runAgainst(bench, options) }
  }
  const options = parseOptions(argv)
  if (options.out !== undefined) makeFolder('out', options.out)
  return {
    install: async () => (await installPackages(tools, ['unbound'])) ?? (await installNewer()),
    async run(bench) {
      await (options.part === 'profile' ? profile : measureServers)({ ...bench, options })
      return 0
    },
  }
}

function readOrLeave(): Job {
  try {
    return readJob(process.argv.slice(2))
  } catch (error) {
    return leave(2, error)
  }
}

const job = readOrLeave()
if (process.env.BERTH_ENGINE === undefined) {
  const why = await job.install()
  if (why !== undefined) leave(1, why)
}
await besideEngine('28')
if (process.env.BERTH_ENGINE_PRIVATE === undefined) {
  leave(1, 'this needs network namespaces of its own: run it as root on Debian')
}
const folder = mkdtempSync(join(tmpdir(), 'berth-bench-'))
const place = await openPlace()
const native = buildNative(folder)
const stopUpstream = startUpstream(place, native)
let code = 1
try {
  code = await job.run({ place, native, folder })
} finally {
  stopUpstream()
  place.close()
  rmSync(folder, { recursive: true })
}
process.exit(code)
