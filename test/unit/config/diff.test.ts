// What differs between two configurations.
import { describe, expect, it } from 'vitest'
import { listChanges, markSettings } from '../../../src/config/diff.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { listSettings } from '../../../src/config/schema.ts'
import type { Config } from '../../../src/config/types.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'

const load = (flags: Record<string, string> = {}) => loadConfig({ env: {}, flags, parseEngineAddress })
const changes = (before: Config, after: Config) => listChanges(markSettings(before), markSettings(after))

describe('changes', () => {
  it('are none between two readings of the same', () => {
    const flags = {
      'scope.allow': '192.0.2.0/24',
      hosts: '{a.test: 192.0.2.1}',
      'forward.upstreams': '192.0.2.53',
    }
    expect(changes(load(flags), load(flags))).toEqual([])
  })

  it('are told by key path, in the order of the schema', () => {
    const flags = {
      'log.level': 'debug',
      listen: '127.0.0.1:53',
      'docker.resync': '2s',
      'cache.stale': 'off',
    }
    expect(changes(load(), load(flags))).toEqual(['listen', 'docker.resync', 'cache.stale', 'log.level'])
  })

  it('are looked for in every setting', () => {
    const config = load()
    for (const setting of listSettings()) {
      const [section, key] = setting.split('.') as [keyof typeof config, string?]
      const value = key === undefined ? 'other' : { ...(config[section] as object), [key]: 'other' }
      expect(changes(config, { ...config, [section]: value })).toEqual([setting])
    }
  })
})
