// The rate of questions over UDP, for each asker and its prefix. Of those over it, every so many slip (see `slip` in the
// configuration); the rest are dropped.
import type { Config } from '../../config/types.ts'
import type { LimitMetrics } from './limit-metrics.ts'
import { Bucket } from './token-bucket.ts'

/** One asker's rates; only the rate limit writes it. */
export class RateAccount {
  readonly bucket = new Bucket()
  /** Shared by all askers of its prefix. */
  readonly prefix: Bucket
  /** Questions over the rate so far. */
  excess = 0
  isExempt = false
  /** The table by which `isExempt` was decided. */
  decidedBy: unknown

  constructor(prefix: Bucket) {
    this.prefix = prefix
  }
}

export interface RateLimitOptions {
  readonly settings: Pick<Config['limits'], 'rate' | 'ratePerPrefix' | 'rateAll' | 'slip'>
  readonly counters: LimitMetrics
  /** Loopback and known containers, which have no rate limit unless `rateAll`. */
  readonly isOurs: (address: string) => boolean
  /** What `isOurs` depends on: it is called again for an asker when this is another object. */
  readonly table: () => unknown
}

/** Counts a question of an asker, at this time in ms. */
export type RateLimit = (account: RateAccount, address: string, now: number) => 'pass' | 'slip' | 'drop'

export function createRateLimit({ settings, counters, isOurs, table }: RateLimitOptions): RateLimit {
  function isExempt(account: RateAccount, address: string): boolean {
    if (settings.rateAll) return false
    const now = table()
    if (account.decidedBy !== now) {
      account.decidedBy = now
      account.isExempt = isOurs(address)
    }
    return account.isExempt
  }

  /** The limit that this question is over. */
  function exceeded({ bucket, prefix }: RateAccount, now: number): 'rate' | 'ratePerPrefix' | undefined {
    const { rate, ratePerPrefix } = settings
    if (rate > 0 && !bucket.take(now, rate)) return 'rate'
    if (ratePerPrefix > 0 && !prefix.take(now, ratePerPrefix)) return 'ratePerPrefix'
    return undefined
  }

  return (account, address, now) => {
    if (isExempt(account, address)) return 'pass'
    const limit = exceeded(account, now)
    if (limit === undefined) return 'pass'
    account.excess++
    const slips = settings.slip > 0 && account.excess % settings.slip === 0
    counters.reached.add(1, limit, slips ? 'slipped' : 'dropped')
    return slips ? 'slip' : 'drop'
  }
}
