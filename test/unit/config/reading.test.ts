// A configuration in parts, for other processes.
import { expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { putTogether, takeApart } from '../../../src/config/reading.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

it('is the same once it is put together, and no part is long', () => {
  const flags = {
    hosts: `{${numbers(1001).map((i) => `h${i}.test: 192.0.2.1`)}}`,
    'scope.allow': `[${numbers(300).map((i) => `10.${i >> 8}.${i & 255}.0/24`)}]`,
    'forward.zones': `{${numbers(600).map((i) => `z${i}.test: [192.0.2.1]`)}}`,
    'forward.networks': '{lab: [192.0.2.53]}',
    'forward.servers': '{"192.0.2.53": {edns: false}}',
    'forward.rebindAllow': 'corp.example',
    ttl: '7',
  }
  const config = loadConfig({ env: {}, flags, parseEngineAddress })
  const { rest, parts } = takeApart(config)
  expect(rest).toMatchObject({
    ttl: 7,
    hosts: [],
    scope: { allow: [] },
    forward: { zones: [], networks: [], servers: [] },
  })
  expect(rest.forward.rebindAllow).toEqual([])
  expect(Math.max(...parts.map(({ items }) => items.length))).toBe(250)
  expect(putTogether(structuredClone(rest), structuredClone(parts) as typeof parts)).toEqual(config)
  expect(config.hosts).toHaveLength(1001)
})

it('has no parts where its lists are empty', () => {
  expect(takeApart(loadConfig({ env: {}, flags: {}, parseEngineAddress })).parts).toEqual([])
})
