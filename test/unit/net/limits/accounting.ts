// Limits for tests: the defaults but for what a test says, on the system's clock or on one that the test turns.
import { loadConfig } from '../../../../src/config/load.ts'
import { parseEngineAddress } from '../../../../src/docker/api/address.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createLimitMetrics } from '../../../../src/net/limits/limit-metrics.ts'
import { createLimits, type LimitSettings, type LimitsOptions } from '../../../../src/net/limits/limits.ts'

export const defaults: LimitSettings = loadConfig({ env: {}, flags: {}, parseEngineAddress }).limits

export function createAccounting(
  settings: Partial<LimitSettings> = {},
  options: Partial<Omit<LimitsOptions, 'settings'>> = {},
) {
  const counters = createLimitMetrics()
  const limits = createLimits({
    ...{ counters, clock: systemClock, table: () => undefined },
    ...{ isOurs: () => false, lost: () => 0 },
    isOnNetwork: () => false,
    ...options,
    settings: { ...defaults, ...settings },
  })
  /** How often this limit was reached with this action. */
  const reached = (limit: string, action: string) => counters.reached.cell(limit, action).value
  return { limits, counters, reached }
}
