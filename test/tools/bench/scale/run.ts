// How large a table may grow: 100, 1,000 and 10,000 containers on 10, 100 and 1,000 networks, told by a synthetic engine.
// As root on Linux, some three minutes; writes scale.json and the table in docs/scale.md.
// `npm run scale -- [--sizes 100,1000,10000] [--seconds 10] [--json FILE] [--docs FILE]`; with `--start` no more than how
// long `ready` takes.
import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { isRoot } from '../../net/namespace.ts'
import { makeFolder } from '../folder.ts'
import { measure, measureStart, type Row } from './measure.ts'
import { intoDocs, tabulate } from './report.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'string' },
    docs: { type: 'string' },
    start: { type: 'boolean', default: false },
  },
})
if (!isRoot) {
  console.error('This needs network namespaces: run it as root on Linux.')
  process.exit(1)
}
if (values.json !== undefined) makeFolder('json', dirname(values.json))
console.log(`load at the start: ${loadavg().map((load) => load.toFixed(1))}`)
const rows: Row[] = []
for (const containers of values.sizes.split(',').map(Number)) {
  const size = { networks: Math.max(1, containers / 10), containers }
  if (values.start) {
    console.log(JSON.stringify({ ...size, ...(await measureStart(size)) }))
    continue
  }
  rows.push(await measure(size, { seconds: Number(values.seconds), questions: 2000, events: 1000 }))
  console.log(JSON.stringify(rows.at(-1)))
}
if (values.start) process.exit()
const table = tabulate(rows)
console.log(`\n${table}`)
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, rows }, undefined, 2)}\n`)
if (values.docs !== undefined) writeFileSync(values.docs, intoDocs(readFileSync(values.docs, 'utf8'), table))
