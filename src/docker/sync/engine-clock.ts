// The engine's clock, by which events are requested and judged: to the second by its ping, then by /info, which may be slow.
import type { Clock } from '../../lib/clock.ts'

export interface EngineClockOptions {
  /** What /info tells, ms since 1970; undefined where it does not. */
  systemTime(): Promise<number | undefined>
  readonly clock: Clock
  /** How far it is ahead of ours, ms, as an earlier connection told. */
  readonly skew: number | undefined
  /** What its ping has just told, ms since 1970, cut to seconds. */
  readonly second: number | undefined
  /** Is given how far it is ahead of ours; 0 where that can't be told from the way there and back. */
  skewed(ms: number): void
  /** It is another than was believed: what was asked by it may be wrong. */
  wasSet(): void
  /** /info hangs, fails or is refused; what that throws ends the connection. */
  silent(error: unknown): void
}

export interface EngineClock {
  /** ms since 1970 */
  now(): number
  /** Asks for it, where that was not waited for. */
  learn(): Promise<void>
}

/** A clock that differs by less is taken for ours: the way there and back takes time too, ms. */
const leastSkew = 1_000
/** What is told cut to seconds is as much too early on average, ms. */
const halfSecond = 500

/** Waits for /info only where nothing else tells. */
export async function readEngineClock(options: EngineClockOptions): Promise<EngineClock> {
  const { clock, second } = options
  const before = options.skew ?? (second === undefined ? undefined : second + halfSecond - clock.now())
  const tell = (skew: number) => options.skewed(Math.abs(skew) < leastSkew ? 0 : skew)

  async function ask(): Promise<number> {
    const told = await options.systemTime().catch((error) => options.silent(error))
    const skew = typeof told === 'number' ? told - clock.now() : (before ?? 0)
    tell(skew)
    if (Math.abs(skew - (before ?? skew)) >= 2 * leastSkew) options.wasSet()
    return skew
  }

  if (before !== undefined) tell(before)
  let skew = before ?? (await ask())
  // Ours may be set meanwhile.
  const ours = clock.now() - clock.monotonic()
  return {
    now: () => ours + clock.monotonic() + skew,
    async learn() {
      if (before !== undefined) skew = await ask()
    },
  }
}
