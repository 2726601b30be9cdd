// The limits of one process, if several answer at the same addresses.
import type { LimitSettings } from './limits.ts'

/** Totals are divided among the processes; what one asker may have is the same in each. */
export function perProcess(settings: LimitSettings, processes: number): LimitSettings {
  const part = (total: number) => Math.ceil(total / processes)
  return {
    ...settings,
    connections: part(settings.connections),
    bytes: part(settings.bytes),
    inFlight: part(settings.inFlight),
  }
}
