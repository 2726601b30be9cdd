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

export function describeMachine(): Machine {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().replace(/-.*/, ''),
    node: process.versions.node,
    versions: debianVersions(['unbound', 'dnsmasq-base', 'aardvark-dns', 'dnsperf']),
    load: loadavg()[0]!,
  }
}

export function machineLine({ processors, model, memoryGiB, kernel, node, versions, load }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${processors} processors (${model}), ${memoryGiB} GiB, Linux ${kernel}, Node ${node}`,
    [...programs, 'Docker 26.1'].join(', '),
    `load before the first run ${load.toFixed(1)}`,
  ].join('; ')
}

function debianVersions(names: readonly string[]): Record<string, string> {
  const format = `\${Package} \${Version}\n`
  const lines = execFileSync('dpkg-query', ['-W', '-f', format, ...names], { encoding: 'utf8' }).split('\n')
  return Object.fromEntries(
    lines.filter(Boolean).map((line) => {
      const [name = '', version = ''] = line.split(' ')
      return [name, version.replace(/^\d+:/, '').replace(/-.*/, '')]
    }),
  )
}
