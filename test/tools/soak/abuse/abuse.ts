// The abuse soak: berth beside every attack, then a mix of all; a report in lines and everything that is amiss.
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { attacks } from './attacks.ts'
import { mix } from './mix.ts'
import { createPolite, type Experience } from './polite.ts'
import { besiege, type Siege } from './siege.ts'
import { startTarget, type Weight } from './target.ts'

export interface AbuseOptions {
  /** Of the mix. */
  readonly seconds: number
  /** Of one attack, twice: elsewhere, and on the asker's own socket. */
  readonly each: number
  readonly seed: number
  /** Packets or acts a second of an attack; null: as fast as it goes. */
  readonly most: number | null
  /** Names of attacks; all where there are none. */
  readonly only: readonly string[]
  readonly log: (line: string) => void
}

/** Of the polite asker's questions, this part may be lost beside an attack on its own socket. */
const mayLose = 0.001
/** What memory may grow between the warm-up and the end, bytes. */
export const growth = { rss: 64 * 2 ** 20, heap: 16 * 2 ** 20 }
/** A core for each of berth, the attacker, the asker and the rest: below that, latency tells of the machine. */
const enoughCores = 4

/** What is amiss, one sentence each. */
export async function abuse({ seconds, each, seed, most, only, log }: AbuseOptions): Promise<string[]> {
  const amiss: string[] = []
  const target = await startTarget()
  const polite = await createPolite(target.here)
  const cores = availableParallelism()
  log(
    `${cores} cores for berth, the attacker, its connections and the polite asker; latency is ${
      cores < enoughCores ? 'told, not judged' : 'judged'
    }`,
  )
  try {
    // What is compiled at first use is not what an asker meets.
    await sleep(1_000)
    await polite.tell()
    await sleep(each * 1000)
    const quiet = await polite.tell()
    if (quiet.lost > 0) amiss.push(`quiet: ${quiet.lost} of ${quiet.asked} lost`)
    log(`quiet: ${quiet.asked} asked, ${quiet.lost} lost, ${show(quiet)}`)
    log('')
    log(
      '| attack | elsewhere, full tilt: sent/s | taken/s | lost | p99 ms | same socket, half: sent/s | taken/s | lost | p99 ms |',
    )
    log('|---|---|---|---|---|---|---|---|---|')
    const sieges: Siege[] = []
    for (const attack of attacks) {
      if (only.length > 0 && !only.includes(attack.name)) continue
      const siege = await besiege(target, polite, attack, each * 1000, most)
      sieges.push(siege)
      log(row(siege))
      amiss.push(...judge(siege, quiet, cores >= enoughCores))
    }
    log('')
    const { experience, start, warm, end } = await mix(target, polite, sieges, seconds, seed)
    log(
      `mix of ${seconds} s, seed ${seed}: ${experience.asked} asked, ${experience.lost} lost, ${show(experience)}`,
    )
    for (const [when, weight] of Object.entries({ start, warm, end })) log(`  ${when}: ${showWeight(weight)}`)
    if (experience.lost > experience.asked * mayLose) {
      amiss.push(`mix: ${experience.lost} of ${experience.asked} lost`)
    }
    amiss.push(...judgeWeights(start, warm, end))
    for (const line of await target.list('berth_limits_reached_total')) log(`  ${line}`)
    const [panics] = await target.read('berth_dns_panics_total')
    if (panics !== 0) amiss.push(`${panics} questions met a mistake of our own`)
  } finally {
    await polite.stop()
    await target.stop()
  }
  return amiss
}

function judge({ attack, elsewhere, same }: Siege, quiet: Experience, withLatency: boolean): string[] {
  const amiss: string[] = []
  if (elsewhere.lost > 0) amiss.push(`${attack}, elsewhere: ${elsewhere.lost} of ${elsewhere.asked} lost`)
  if (same.lost >= same.asked * mayLose && same.lost > 0) {
    amiss.push(`${attack}, same socket: ${same.lost} of ${same.asked} lost`)
  }
  if (elsewhere.sent === 0 || same.sent === 0) amiss.push(`${attack}: nothing was sent`)
  for (const [where, { p99 }] of Object.entries({ elsewhere, same })) {
    if (withLatency && p99 > 3 * quiet.p99) amiss.push(`${attack}, ${where}: p99 ${p99.toFixed(2)} ms`)
  }
  return amiss
}

function judgeWeights(start: Weight, warm: Weight, end: Weight): string[] {
  const amiss: string[] = []
  for (const kind of ['rss', 'heap'] as const) {
    const grown = end[kind] - warm[kind]
    if (grown > growth[kind]) amiss.push(`${kind} grew by ${mebibytes(grown)} after the warm-up`)
  }
  for (const kind of ['descriptors', 'connections', 'handles'] as const) {
    if (end[kind] > start[kind]) amiss.push(`${kind}: ${start[kind]} at the start, ${end[kind]} at the end`)
  }
  return amiss
}

function row({ attack, elsewhere, same }: Siege): string {
  const cells = [elsewhere, same].flatMap(({ sent, taken, asked, lost, p99 }) => [
    ...[sent, taken].map((value) => value.toLocaleString('en')),
    `${lost} of ${asked}`,
    p99.toFixed(2),
  ])
  return `| ${[attack, ...cells].join(' | ')} |`
}

const show = ({ median, p99 }: Experience) => `median ${median.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

const showWeight = ({ rss, heap, descriptors, handles, connections }: Weight) =>
  `RSS ${mebibytes(rss)}, heap ${mebibytes(heap)}, ${descriptors} descriptors, ${handles} handles, ${connections} connections`
