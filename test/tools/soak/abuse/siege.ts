// Each attack beside the polite asker: at full tilt on another address, then at half of what berth can take of it on the
// asker's own. The attacker is a process of its own.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Order } from './attacker.ts'
import { type Attack, attacks } from './attacks.ts'
import type { Experience, Polite } from './polite.ts'
import type { Target } from './target.ts'

const run = promisify(execFile)
const attacker = fileURLToPath(new URL('attacker.ts', import.meta.url))

export interface Beside extends Experience {
  /** What the attacker sent, and what berth did about it (answered, or found not worth an answer), a second. */
  readonly sent: number
  readonly taken: number
}

export interface Siege {
  readonly attack: string
  /** Packets or acts a second that berth can take, alone. */
  readonly capacity: number
  readonly elsewhere: Beside
  readonly same: Beside
}

/** The acts or packets that were sent. */
export async function send(order: Order): Promise<number> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', attacker, JSON.stringify(order)])
  return (JSON.parse(stdout) as { done: number }).done
}

const work = ['berth_dns_responses_total', 'berth_dns_dropped_total'] as const

/** `most`: packets or acts a second instead of full tilt, where others need the machine; capacity is not measured then. */
export async function besiege(
  target: Target,
  polite: Polite,
  attack: Attack,
  ms: number,
  most: number | null,
): Promise<Siege> {
  const elsewhere = await beside(target, polite, attack, ms, target.there, most)
  const isMeasured = attack.transport === 'udp' && most === null
  const capacity = isMeasured ? await measure(target, attack) : elsewhere.sent
  const same = await beside(target, polite, attack, ms, target.here, Math.max(1, Math.floor(capacity / 2)))
  return { attack: attack.name, capacity, elsewhere, same }
}

/** Answers a second to one who asks as fast as it is answered; what gets no answer can be taken as fast as a question. */
async function measure(target: Target, { name }: Attack): Promise<number> {
  const ms = 1_500
  const order = { ...target.there, ms, perSecond: 'answered' } as const
  const answers = await send({ ...order, attack: name })
  return ((answers || (await send({ ...order, attack: attacks[0]!.name }))) * 1000) / ms
}

async function beside(
  target: Target,
  polite: Polite,
  attack: Attack,
  ms: number,
  at: Target['here'],
  perSecond: number | null,
): Promise<Beside> {
  await polite.tell()
  const before = await target.read(...work)
  const sent = await send({ attack: attack.name, ...at, ms, perSecond })
  const after = await target.read(...work)
  const experience = await polite.tell()
  const done = after.reduce((sum, value, i) => sum + value - before[i]!, 0)
  const ofAttack = Math.max(0, done - experience.asked)
  return {
    ...experience,
    sent: Math.round((sent * 1000) / ms),
    taken: Math.round((ofAttack * 1000) / ms),
  }
}
