// One build of berth beside another, to see whether an answer has become dearer: the part of the benchmark that
// `--against` runs.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeMachine } from '../machine.ts'
import type { Bench } from '../peers.ts'
import { type Checkout, readCheckout } from './checkout.ts'
import type { AgainstOptions } from './options.ts'
import { type Point, runPairs, type Side } from './pairs.ts'
import { type AgainstReport, againstJson, hasPassed, judgeRows, writeAgainst } from './report.ts'

/** Debian's packages that this needs. */
export const againstTools = ['dnsperf', 'gcc', 'libc6-dev', 'iproute2', 'util-linux']

/** Throws where one of the two can't be run. */
export function readBuilds({ against }: AgainstOptions): Record<Side, Checkout> {
  return {
    this: readCheckout(fileURLToPath(new URL('../../../../', import.meta.url))),
    that: readCheckout(against),
  }
}

/** Gives the exit code. What there is so far is written after each pair. */
export async function runAgainst(bench: Omit<Bench, 'seconds'>, options: AgainstOptions): Promise<number> {
  const builds = readBuilds(options)
  const machine = describeMachine(['dnsperf'])
  const file = join(options.out, 'against.json')
  const report = (points: readonly Point[]): AgainstReport => ({
    ...{ machine, builds, options, points },
    rows: judgeRows(points, options),
  })
  const programs = { this: builds.this.program, that: builds.that.program }
  const points = await runPairs({ ...bench, seconds: options.seconds }, options, programs, (soFar) =>
    writeFileSync(file, againstJson(report(soFar))),
  )
  const done = report(points)
  console.log(`\n${writeAgainst(done)}\n\nAll measurements: ${file}`)
  return hasPassed(done.rows, options) ? 0 : 1
}
