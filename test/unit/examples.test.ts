// examples/ does what it says: the configuration is right, and the unit runs berth with arguments that berth takes.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listWarnings } from '../../src/config/config-warnings.ts'
import { loadConfig } from '../../src/config/load.ts'
import { parseEngineAddress } from '../../src/docker/api/address.ts'

const unit = readFileSync('examples/berth.service', 'utf8')
const settings = unit
  .split('\n')
  .filter((line) => /^\w+=/.test(line))
  .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
const setting = (key: string) => settings.filter(([name]) => name === key).map(([, value]) => value)

describe('examples/berth.yml', () => {
  const config = loadConfig({ file: 'examples/berth.yml', env: {}, flags: {}, parseEngineAddress })

  it('is right, and gives rise to no warning', () => {
    expect(listWarnings(config)).toEqual([])
  })

  it('goes with the unit: its engine, its port, its folder', () => {
    expect(config.listen).toEqual([{ host: '*', port: 53 }])
    expect(setting('AmbientCapabilities')).toEqual(['CAP_NET_BIND_SERVICE'])
    expect(config.api.socket).toBe(`/run/${setting('RuntimeDirectory')[0]}/api.sock`)
    expect(config.docker.engines.map(({ address }) => address.text)).toEqual(['unix:///var/run/docker.sock'])
    expect(setting('SupplementaryGroups')).toEqual(['docker'])
  })
})

describe('examples/berth.service', () => {
  it('runs berth as it can be run, with the configuration beside it', () => {
    expect(setting('ExecStart')).toEqual(['/usr/local/bin/berth serve --config /etc/berth/berth.yml'])
    expect(unit).toContain('examples/berth.yml /etc/berth/berth.yml')
  })

  it('has sections and settings that systemd knows', () => {
    expect([...unit.matchAll(/^\[(\w+)\]$/gm)].map(([, name]) => name)).toEqual([
      'Unit',
      'Service',
      'Install',
    ])
    expect(new Set(settings.map(([key]) => key)).size).toBe(settings.length)
    // Where there is a systemd to ask.
    if (!existsSync('/usr/bin/systemd-analyze')) return
    const folder = mkdtempSync(join(tmpdir(), 'berth-unit-'))
    const file = join(folder, 'berth.service')
    writeFileSync(file, unit.replace('/usr/local/bin/berth', '/bin/true'))
    execFileSync('systemd-analyze', ['verify', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    rmSync(folder, { recursive: true })
  })
})
