// Pure: lines "NAME TYPE" for dnsperf, each workload's. Names of containers are those of the first network: each asker
// asks for its own network's instead (native/askers.c).
import { seededRandom } from '../../servers/random.ts'

export type Line = `${string} ${string}`

const random = () => seededRandom(7)

/** Every name once, its address. */
export function localA(names: readonly string[], askers: number): Line[] {
  return mix(
    names.map((name): Line => `${name} A`),
    askers,
  )
}

/**
 * For every name: its IPv6 address, which every second network has and the others answer with NODATA, and the address of
 * a name that there is not.
 */
export function localMix(names: readonly string[], askers: number): Line[] {
  const lines = names.flatMap((name): Line[] => [`${name} AAAA`, `${missing(name)} A`])
  return mix(lines, askers)
}

export const isMissing = (name: string): boolean => name.endsWith('-gone')
const missing = (name: string) => `${name}-gone`

/** Names that only the upstream knows. */
export function external(count: number): Line[] {
  return mix(
    Array.from({ length: count }, (_, i): Line => `host${i}.cached.example A`),
    1,
  )
}

/** Names that nobody has asked for yet, where `part` is another each time. */
export function unique(part: string, count: number): Line[] {
  return Array.from({ length: count }, (_, i): Line => `host${i}.${part}.example A`)
}

/**
 * Lines in an order that looks random, the last ones again until their number has no factor in common with the askers':
 * the two lists go round together, so that every asker comes to ask for everything.
 */
export function mix(lines: readonly Line[], askers: number): Line[] {
  const mixed = shuffle(lines)
  for (let i = 0; commonFactor(mixed.length, askers) > 1; i++) mixed.push(mixed[i]!)
  return mixed
}

function shuffle<T>(list: readonly T[]): T[] {
  const draw = random()
  const mixed = [...list]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!]
  }
  return mixed
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b)
}
