// What berth weighs: CPU and memory of its commands, how long a start takes, what an idle server takes; beside a real
// engine, what containers cost. docs/weight.md has the figures. On Linux, with gcc.
//
//   npm run weight -- [--against DIR] [--rounds 5] [--seconds 15] [--only commands,start,idle] [--json FILE]
//   npm run weight -- --engine 26.1 [--against DIR] [--seconds 15] [--json FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { besideEngine } from '../../soak/beside.ts'
import { startEngineProcess } from '../../synthetic/child.ts'
import { type Checkout, readCheckout } from '../against/checkout.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { buildRusage, commandsOf, measureCommand, startResponder } from './commands.ts'
import { measureContainers } from './containers.ts'
import { parseWeight, type WeightOptions } from './options.ts'
import { watchIdle, weigh } from './server.ts'
import { type Point, type Side, sides, type Unit, writeTable } from './table.ts'

type Builds = Readonly<Partial<Record<Side, Checkout>>>

const containers = 20
/** What a start leaves is collected meanwhile, s. */
const settle = 10

function readOrLeave(): { options: WeightOptions; builds: Builds } {
  try {
    const options = parseWeight(process.argv.slice(2))
    const own = readCheckout(fileURLToPath(new URL('../../../../', import.meta.url)))
    return {
      options,
      builds:
        options.against === undefined ? { this: own } : { this: own, that: readCheckout(options.against) },
    }
  } catch (error) {
    console.error(`weight: ${error instanceof Error ? error.message : error}`)
    process.exit(2)
  }
}

const { options, builds } = readOrLeave()
if (options.engine !== undefined) await besideEngine(options.engine)
const measured = sides.filter((side) => builds[side] !== undefined)
const machine = describeMachine(['gcc'])
const points: Point[] = []
const add = (side: Side, row: string, unit: Unit, value: number) =>
  void points.push({ row, unit, side, value })
/** Who goes first changes from round to round. */
const inTurn = (round: number) => (round % 2 === 0 ? measured : measured.toReversed())

async function weighCommands(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-weight-'))
  const responder = await startResponder()
  try {
    const rusage = buildRusage(folder)
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, { name }] of commandsOf(builds.this!, responder.port).entries()) {
        for (const side of inTurn(round)) {
          const { words, env } = commandsOf(builds[side]!, responder.port)[i]!
          const { cpu, memory } = await measureCommand(rusage, words, env)
          add(side, `${name}: CPU`, 'ms', cpu)
          add(side, `${name}: memory`, 'MiB', memory)
        }
      }
    }
  } finally {
    responder.close()
    rmSync(folder, { recursive: true })
  }
}

async function weighServers(): Promise<void> {
  const engine = await startEngineProcess({ size: { networks: 5, containers } })
  try {
    const places = [
      ['nothing to read', undefined],
      [`${containers} containers`, engine.url],
    ] as const
    for (const [where, url] of places) {
      for (let round = 0; options.only.includes('start') && round < options.rounds; round++) {
        for (const side of inTurn(round)) {
          const server = await weigh(builds[side]!.program, url)
          add(side, `serve, ${where}: first line`, 'ms', server.firstLine)
          add(side, `serve, ${where}: ready`, 'ms', server.ready)
          add(side, `serve, ${where}: CPU until then`, 'ms', server.cpu)
          add(side, `serve, ${where}: memory, peak`, 'MiB', server.peak)
          await server.stop()
        }
      }
      // It takes long, and varies little.
      for (let round = 0; options.only.includes('idle') && round < Math.ceil(options.rounds / 2); round++) {
        for (const side of inTurn(round)) {
          const server = await weigh(builds[side]!.program, url)
          await sleep(settle * 1000)
          const { cpu, memory } = await watchIdle(server.pid, options.seconds)
          add(side, `idle, ${where}: CPU`, 'ms a second', cpu)
          add(side, `idle, ${where}: memory`, 'MiB', memory)
          await server.stop()
        }
      }
    }
  } finally {
    await engine.stop()
  }
}

if (options.engine !== undefined) {
  const programs = Object.fromEntries(measured.map((side) => [side, builds[side]!.program]))
  points.push(...(await measureContainers(programs, options.seconds)))
} else {
  if (options.only.includes('commands')) await weighCommands()
  if (options.only.some((part) => part !== 'commands')) await weighServers()
}
for (const side of measured) console.log(`${side}: ${builds[side]!.folder} (${builds[side]!.state})`)
console.log(`Measured on ${machineLine(machine)}. Medians of ${options.rounds} rounds.\n`)
console.log(writeTable(points, measured))
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ machine, builds, options, points }, undefined, 2)}\n`)
}
process.exit(0)
