// What reading the configuration counts.
import { Counter, Gauge } from '../lib/metrics.ts'

export type ConfigMetrics = ReturnType<typeof createConfigMetrics>

/** `now`: seconds since 1970, when the configuration was read at start. */
export function createConfigMetrics(now: number) {
  const metrics = {
    reloads: new Counter('berth_config_reloads_total', 'Configuration reloads, by result.', 'result'),
    lastSuccess: new Gauge(
      'berth_config_last_reload_success',
      '1 if the configuration was valid when last read, 0 if it was rejected.',
    ),
    lastReload: new Gauge(
      'berth_config_last_reload_timestamp_seconds',
      'When the configuration in force was read.',
    ),
  }
  for (const result of ['ok', 'refused']) metrics.reloads.add(0, result)
  metrics.lastSuccess.cell().value = 1
  metrics.lastReload.cell().value = now
  return metrics
}
