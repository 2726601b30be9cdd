// What the figures were measured on and with.
import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

export interface Machine {
  readonly processors: number
  readonly model: string
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Programs by name. */
  readonly versions: Readonly<Record<string, string>>
  /** Of the last minute, before the first run. */
  readonly load: number
}

/** `programs`: Debian's packages that are there. */
export function describeMachine(programs: readonly string[]): Machine {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().replace(/-.*/, ''),
    node: process.versions.node,
    versions: debianVersions(programs),
    load: loadavg()[0]!,
  }
}

export function machineLine(machine: Machine): string {
  const { processors, model, memoryGiB, kernel, node, versions, load } = machine
  return [
    `${processors} processors (${model}), ${memoryGiB} GiB, Linux ${kernel}, Node ${node}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `load before the first run ${load.toFixed(1)}`,
  ].join('; ')
}

/** Upstream's own of a Debian package's. */
export function upstreamVersion(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-.*/, '')
}

export function debianVersions(names: readonly string[]): Record<string, string> {
  const format = `\${Package} \${Version}\n`
  const lines = execFileSync('dpkg-query', ['-W', '-f', format, ...names], { encoding: 'utf8' }).split('\n')
  return Object.fromEntries(
    lines.filter(Boolean).map((line) => {
      const [name = '', version = ''] = line.split(' ')
      return [name, upstreamVersion(version)]
    }),
  )
}
