// What an answer costs, beside other servers: unbound, dnsmasq, aardvark-dns, Docker's own resolver, and the least that any
// server could take. `npm run bench`; docs/bench.md says how it is measured.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackages } from '../engine/install.ts'
import { besideEngine } from '../soak/beside.ts'
import { buildNative } from './native/build.ts'
import { type Options, parseOptions } from './options.ts'
import { runPeers } from './peers.ts'
import { openPlace } from './place.ts'

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`)
    process.exit(2)
  }
}

const options = readOptions()
if (process.env.BERTH_ENGINE === undefined) {
  const why = await installPackages(
    ['dnsperf', 'dnsmasq-base', 'aardvark-dns', 'gcc', 'libc6-dev', 'iproute2', 'util-linux'],
    ['unbound'],
  )
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
const native = buildNative(folder)
const place = await openPlace()
const setting = { place, native, folder, options }
await runPeers(setting)
place.close()
rmSync(folder, { recursive: true })
process.exit()
