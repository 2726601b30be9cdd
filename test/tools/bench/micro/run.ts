// The parts that a question and an event go through, each by itself, so that a change can be seen to slow one down.
// `npm run bench:micro -- [--filter REGEX] [--json FILE] [--before FILE]`; a minute and a half. FILE of --before is what
// --json wrote before the change: the ratios are printed.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from 'mitata'
import { makeFolder } from '../folder.ts'
import { benchAnswers } from './answers.ts'
import { compareTimes, type Times } from './compare.ts'
import { benchEvents } from './events.ts'
import { benchMessages } from './messages.ts'
import { benchMisses } from './misses.ts'

const { values } = parseArgs({
  options: { filter: { type: 'string', default: '' }, json: { type: 'string' }, before: { type: 'string' } },
})
if (values.json !== undefined) makeFolder('json', dirname(values.json))
benchMessages()
benchAnswers()
benchMisses()
benchEvents()
const { benchmarks } = await run({
  filter: new RegExp(values.filter),
  throw: true,
  colors: process.stdout.isTTY === true,
})
const times: Times = Object.fromEntries(
  benchmarks.flatMap(({ runs }) =>
    runs.map(({ name, stats }) => [name, { p50: stats!.p50, p99: stats!.p99 }]),
  ),
)
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, times }, undefined, 2)}\n`)
}
if (values.before !== undefined) {
  console.log(`\n${compareTimes(JSON.parse(readFileSync(values.before, 'utf8')).times, times)}`)
}
