// The program of a server that is compared: today's, or the one of this machine's own release.
import { newer } from '../../../engine/newer.ts'
import { debianVersions, upstreamVersion } from '../machine.ts'

export interface Program {
  /** A path, or a name to be looked for on the PATH. */
  readonly program: string
  readonly version: string
}

/** To be called once it is installed. */
export type Find = () => Program

export function today(name: Parameters<typeof newer>[0]): Find {
  return () => {
    const { program, version } = newer(name)
    return { program, version: upstreamVersion(version) }
  }
}

/** `debian`: its package. */
export function installed(debian: string, program: string): Find {
  return () => ({ program, version: debianVersions([debian])[debian]! })
}
