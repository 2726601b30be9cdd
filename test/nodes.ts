// `npm run test:nodes`: what a socket sees (protocol, scope, fairness, limits) on each Node that berth is for, with UDP in
// batches and one datagram at a time. The Nodes come from npm; whatever has been downloaded is kept.
//
//   npm run test:nodes -- [24.9.0 26.9.0 …]
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Counts, count, type Report, sum } from './runs.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.20.2', '24.9.0', '26.9.0']
const kinds = ['batch', 'plain'] as const
/** Decided once for every Node: the rest of the unit tests, and reading what bad arguments come to. */
const tests = ['test/system', 'test/unit/net', 'test/unit/scope', 'test/unit/resolve', 'test/wire']
const folder = mkdtempSync(join(tmpdir(), 'berth-nodes-'))

/** Path of that Node's binary. */
function fetchNode(version: string): string {
  if (process.version === `v${version}`) return process.execPath
  // Where other users get at it: some tests are one.
  const place = join(tmpdir(), 'berth-nodes', version)
  const name = `node-${process.platform}-${process.arch}`
  const binary = join(place, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'package.json'), '{ "private": true }\n')
    execFileSync('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: place,
      stdio: 'inherit',
    })
  }
  return binary
}

function runOn(node: string, udp: string): Counts {
  const file = join(folder, 'report.json')
  rmSync(file, { force: true })
  const args = [vitest, 'run', '--config', join(root, 'test/vitest.config.ts'), '--project', 'unit']
  args.push('--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...tests)
  const env = { ...process.env, BERTH_UDP: udp, PATH: `${dirname(node)}:${process.env.PATH}` }
  const { status } = spawnSync(node, args, { cwd: root, env, stdio: 'inherit' })
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined
  return count(status ?? 1, report, false)
}

const rows: string[] = []
const all: Counts[] = []
for (const version of versions) {
  const node = fetchNode(version)
  for (const udp of kinds) {
    console.log(`\n=== Node ${version}, udp: ${udp}`)
    const counts = runOn(node, udp)
    all.push(counts)
    rows.push(`| ${version} | ${udp} | ${counts.passed} | ${counts.failed} |`)
  }
}
rmSync(folder, { recursive: true, force: true })
const total = sum(all)
console.log(['\n| Node | udp | passed | failed |', '|---|---|---|---|', ...rows].join('\n'))
console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 ? 0 : 1
