// What of the limits is one process's, where several answer at the same addresses.
import type { LimitSettings } from './limits.ts'

/** What all processes together may hold is divided; what one asker may is the same in each. */
export function perProcess(settings: LimitSettings, processes: number): LimitSettings {
  const part = (total: number) => Math.ceil(total / processes)
  return {
    ...settings,
    connections: part(settings.connections),
    bytes: part(settings.bytes),
    inFlight: part(settings.inFlight),
  }
}
