// Asks Docker's resolver and berth from inside every container, and judges each pair of answers.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { reverseName } from '../../../src/dns/reverse.ts'
import { onNetworkOf } from '../docker.ts'
import type { Errand } from './asker.ts'
import { type Resident, serverFor } from './estate.ts'
import { questionsFor } from './questions.ts'
import { judge, type Pair, type Told, type Verdict } from './rules.ts'
import { outsideAddresses, outsideNames } from './upstream.ts'

export interface Judged extends Pair, Verdict {
  readonly asker: Resident
}

/** Containers that ask at a time: mostly they wait, for 20.10 leaves questions without a reply. */
const atOnce = 4

const asker = fileURLToPath(new URL('asker.ts', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Whom a container asks, and how their answers are judged. */
export interface Manner {
  /** The engine's own resolver and berth, as the asker takes them; undefined: the machine has no address to be asked at. */
  servers(resident: Resident): Promise<readonly [string, string] | undefined>
  judge(pair: Pair): Verdict
  readonly questionsFor: typeof questionsFor
}

const dockers: Manner = {
  async servers(resident) {
    const berth = await serverFor(resident)
    return berth === undefined ? undefined : ['127.0.0.11', berth]
  },
  ...{ judge, questionsFor },
}

/** `share`: see questionsFor. */
export async function compareAll(
  all: readonly Resident[],
  share: number,
  manner: Manner = dockers,
): Promise<Judged[]> {
  const judged: Judged[] = []
  const absent = new Set(all.flatMap((each) => each.absent))
  const rest = all.filter(({ hasResolver }) => hasResolver).map((resident, i) => ({ resident, i }))
  const work = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const questions = manner.questionsFor(next.i, all, share)
      judged.push(...(await compareFrom(next.resident, questions, absent, manner)))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return judged
}

/** `absent`: addresses that the engine tells, and no interface has. */
export async function compareFrom(
  resident: Resident,
  questions: Errand['questions'],
  absent: ReadonlySet<string> = new Set(),
  manner: Manner = dockers,
): Promise<Judged[]> {
  const servers = await manner.servers(resident)
  if (servers === undefined) return []
  const errand: Errand = { servers, questions }
  const entry = await onNetworkOf(resident.name)
  const words = [...entry, process.execPath, '--import', 'tsx', asker]
  const told = await new Promise<Told[][]>((resolve, reject) => {
    const options = { maxBuffer: 256 << 20, cwd: root }
    const child = execFile(words[0]!, words.slice(1), options, (error, stdout, stderr) => {
      if (error) reject(new Error(`asking from ${resident.name}: ${error.message}\n${stderr}`))
      else resolve(JSON.parse(stdout))
    })
    child.stdin!.end(JSON.stringify(errand))
  })
  return questions.map(([name, type], i) => {
    const [docker, berth] = [told[0]![i]!, told[1]![i]!]
    const ofAbsent = isOfAbsent(name, docker, absent)
    const pair: Pair = { name, type, shutIn: resident.shutIn, absent: ofAbsent, docker, berth }
    return { ...pair, ...manner.judge(pair), asker: resident }
  })
}

function isOfAbsent(name: string, { records }: Told, absent: ReadonlySet<string>): boolean {
  if (records.length === 0 || absent.size === 0) return false
  if ([...absent].some((address) => reverseName(address) === name.toLowerCase())) return true
  return records.every((record) => absent.has(record.replace(/^AAAA /, '')))
}

/** Answers of berth with what the asker may not see: an address, or a name of one, of no network it is on. */
export function leaks(
  judged: readonly Judged[],
  all: readonly Resident[],
  gateways: ReadonlySet<string>,
): string[] {
  const found: string[] = []
  for (const { asker, name, type, berth } of judged) {
    const networks = asker.places.map(({ network }) => network)
    const addresses = new Set([
      ...all.flatMap(({ places }) =>
        places.filter(({ network }) => networks.includes(network)).flatMap((place) => place.addresses),
      ),
      ...outsideAddresses,
      ...outsideNames.map((_, i) => `2001:db8::${i + 1}`),
      ...gateways,
      // What nobody's alias is, below localhost, is the asker itself (RFC 6761).
      ...(name.toLowerCase().endsWith('.localhost') ? ['127.0.0.1', '::1'] : []),
    ])
    for (const record of berth.records) {
      const [kind, data = ''] = record.split(' ')
      const target =
        kind === 'SRV' ? String(JSON.parse(record.slice(4)).target) : kind === 'PTR' ? data : undefined
      const isSeen =
        kind === 'A' || kind === 'AAAA'
          ? addresses.has(data)
          : target === undefined ||
            target.endsWith('.example.org') ||
            networks.some(
              (network) => target.endsWith(`.${network}`) || target.endsWith(`.${network}.docker.internal`),
            )
      if (!isSeen) found.push(`${asker.name} asked ${name} ${type}: ${record}`)
    }
  }
  return found
}

export const describePair = ({ asker, name, type, docker, berth }: Judged): string =>
  `${asker.name} (${asker.places.map(({ network }) => network)}): ${name} ${type}: ` +
  `Docker ${docker.rcode} [${docker.records.join(', ')}], berth ${berth.rcode} [${berth.records.join(', ')}]`
