// dnsperf as the client: many askers in one process (native/askers.c), over UDP or TCP, as fast as answers come or at a
// steady rate.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Latencies, parseLatencies } from './latencies.ts'
import { readSamples, type Sample } from './samples.ts'

export interface Asker {
  /** Its own address; 0.0.0.0: whatever the system takes. */
  readonly address: string
  /** What stands in names for `p0`, the first network. */
  readonly project: string
  readonly server: string
  readonly port: number
}

export interface Load {
  /** Words before the command: where it runs. */
  readonly place: readonly string[]
  /** native/askers.c, compiled. */
  readonly library: string
  readonly askers: readonly Asker[]
  /** Lines "NAME TYPE", asked in turn, again from the start where they end. */
  readonly questions: string
  readonly seconds: number
  /** Connections; undefined: UDP. */
  readonly connections?: number | undefined
  /** Questions a second; undefined: as many as are answered. */
  readonly rate?: number | undefined
}

export interface Told {
  readonly sent: number
  readonly completed: number
  readonly lost: number
  readonly seconds: number
}

export interface Asked extends Told {
  readonly latencies: Latencies
  readonly samples: readonly Sample[]
}

/** Questions under way at once: dnsperf's default. 200 are more than a socket's usual buffer holds. */
export const outstanding = 100
/** Questions under way on each connection, on average. */
export const pipelined = 10

export async function runDnsperf(load: Load): Promise<Asked> {
  const { place, library, askers, questions, seconds, connections, rate } = load
  const folder = mkdtempSync(join(tmpdir(), 'berth-dnsperf-'))
  const at = (name: string) => join(folder, name)
  try {
    const lines = askers.map((each) => `${each.address} ${each.project} ${each.server} ${each.port}\n`)
    writeFileSync(at('askers'), lines.join(''))
    const settings = [`ASKERS=${at('askers')}`, `LATENCIES=${at('latencies')}`, `SAMPLES=${at('samples')}`]
    const options = {
      ...{ '-s': askers[0]!.server, '-p': askers[0]!.port, '-d': questions, '-T': 1 },
      ...{ '-c': connections ?? 1, '-q': connections === undefined ? outstanding : connections * pipelined },
      ...{ '-l': seconds, '-t': 1, '-b': 4096 },
      ...{ '-m': connections === undefined ? 'udp' : 'tcp' },
      ...(rate === undefined ? {} : { '-Q': rate }),
    }
    const words = Object.entries(options).flatMap(([key, value]) => [key, String(value)])
    const output = await run([...place, 'env', `LD_PRELOAD=${library}`, ...settings, 'dnsperf', ...words])
    return {
      ...parseDnsperf(output),
      latencies: parseLatencies(existsSync(at('latencies')) ? readFileSync(at('latencies'), 'utf8') : ''),
      samples: existsSync(at('samples')) ? readSamples(readFileSync(at('samples'))) : [],
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What dnsperf prints at its end. Throws where it is something else. */
export function parseDnsperf(output: string): Told {
  const number = (label: string) => {
    const text = new RegExp(`^\\s*${label}:\\s+([\\d.]+)`, 'm').exec(output)?.[1]
    if (text === undefined) throw new Error(`dnsperf does not tell "${label}":\n${output.slice(-2000)}`)
    return Number(text)
  }
  return {
    sent: number('Queries sent'),
    completed: number('Queries completed'),
    lost: number('Queries lost'),
    seconds: number('Run time \\(s\\)'),
  }
}

function run(words: readonly string[]): Promise<string> {
  const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    // It has a line for each question that is lost; the sum comes last.
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}
