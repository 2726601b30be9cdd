// What an answer costs, beside other servers: unbound, dnsmasq, aardvark-dns, Docker's own resolver, and the least that any
// server could take. docs/bench.md says how it is measured.
//
//   npm run bench -- [peers | curve | profile] [--rounds 3] [--seconds 2.5] [--only a,b] [--servers berth,unbound]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from '../engine/install.ts'
import { besideEngine } from '../soak/beside.ts'
import { runCurve, steepness } from './curve.ts'
import { describeMachine, machineLine } from './machine.ts'
import { buildNative } from './native/build.ts'
import { type Options, parseOptions } from './options.ts'
import { runPeers, type Setting } from './peers.ts'
import { openPlace } from './place.ts'
import { drawChart } from './report/chart.ts'
import { replacePart } from './report/document.ts'
import { summarize } from './report/summary.ts'
import { curveTable, peerTables, targetTable } from './report/tables.ts'
import { judge } from './report/targets.ts'
import { startUpstream } from './servers/floor.ts'

const docs = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`)
    process.exit(2)
  }
}

async function measureAll(setting: Setting): Promise<void> {
  const { options } = setting
  const machine = describeMachine()
  console.log(machineLine(machine))
  const rows = options.part === 'curve' ? [] : summarize(await runPeers(setting))
  const verdicts = judge(rows)
  const points = options.part === 'peers' ? [] : await runCurve(setting)
  const steep = (['names', 'networks'] as const).map((along) => ({
    along,
    ...{ berth: steepness(points, along, 'berth'), unbound: steepness(points, along, 'unbound') },
  }))
  const texts = [`Measured on ${machineLine(machine)}.`]
  if (rows.length > 0) texts.push(peerTables(rows), `### Targets\n\n${targetTable(verdicts)}`)
  if (points.length > 0) {
    const said = steep.map(({ along, berth, unbound }) => {
      const other = Number.isNaN(unbound) ? '' : ` (unbound's: ${unbound.toFixed(2)})`
      return `Along ${along}, the dearest point is ${berth.toFixed(2)} times the cheapest${other}.`
    })
    texts.push(`### As the table grows\n\n${said.join(' ')}\n\n${curveTable(points)}`)
  }
  const report = texts.join('\n\n')
  console.log(`\n${report}`)
  // Part of it is no reason to forget the rest.
  const isWhole = options.part === 'all' && options.only.length === 5 && options.servers.length === 0
  if (!isWhole) return
  const told = { machine, rounds: options.rounds, seconds: options.seconds, rows, verdicts, points, steep }
  writeFileSync(docs('bench.json'), `${JSON.stringify(told, rounded, 2)}\n`)
  writeFileSync(docs('bench.svg'), drawChart(rows, points))
  writeFileSync(docs('bench.md'), replacePart(readFileSync(docs('bench.md'), 'utf8'), 'measured', report))
}

/** Four figures are more than it is true to. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}

const options = readOptions()
if (process.env.BERTH_ENGINE === undefined) {
  const tools = ['dnsperf', 'dnsmasq-base', 'aardvark-dns', 'gcc', 'libc6-dev', 'iproute2', 'util-linux']
  const why = await installPackages(tools, ['unbound'])
  if (why !== undefined) {
    console.error(`bench: ${why}`)
    process.exit(1)
  }
}
await besideEngine('26.1')
if (process.env.BERTH_ENGINE_PRIVATE === undefined) {
  console.error('bench: this needs network namespaces of its own: run it as root on Debian')
  process.exit(1)
}
const folder = mkdtempSync(join(tmpdir(), 'berth-bench-'))
const place = await openPlace()
const native = buildNative(folder)
const stopUpstream = startUpstream(place, native)
try {
  await measureAll({ place, native, folder, options })
} finally {
  stopUpstream()
  place.close()
  rmSync(folder, { recursive: true })
}
process.exit()
