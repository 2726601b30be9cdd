// docs/metrics.md lists every metric as it is, alerts and dashboard know no others, and their labels are few.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { typeLabel } from '../../../src/dns/types.ts'
import { createExposition } from '../../../src/http/exposition.ts'
import { prometheusFolder } from '../../engine/install.ts'
import { createAllMetrics } from '../all-metrics.ts'

const { metrics, ...groups } = createAllMetrics()
const promtool = join(prometheusFolder(), 'promtool')

/** `name | type | labels` of each row. */
const rows = [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \|(.*?)\|(.+)\|$/gm)]
const documented = rows.map(([, name, type, labels]) => `${name} | ${type} | ${labels!.trim()}`)
const exposed = metrics.map(({ name, type, labelNames }) => `${name} | ${type} | ${labelNames.join(', ')}`)

describe('the table of docs/metrics.md', () => {
  it('has a row for each metric, with its type and labels', () => {
    const missing = exposed.filter((line) => !documented.includes(line))
    expect(missing, 'to be written in docs/metrics.md').toEqual([])
  })

  it('has no other rows', () => {
    const gone = documented.filter((line) => !exposed.includes(line))
    expect(gone, 'in docs/metrics.md, but not exposed so').toEqual([])
  })
})

it('each metric that src declares is exposed, and declared once', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const declared = files.flatMap((file) =>
    [...readFileSync(join('src', file), 'utf8').matchAll(/'(berth_\w+)'/g)].map(([, name]) => name!),
  )
  expect(declared.sort()).toEqual(metrics.map(({ name }) => name).sort())
})

describe.each([['config/alerts.yml'], ['config/grafana-dashboard.json']])('%s', (file) => {
  it('names no metric of ours that is not there', () => {
    const known = metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    )
    const used = readFileSync(file, 'utf8').match(/\bberth_\w+/g) ?? []
    expect(used.length).toBeGreaterThan(5)
    expect(used.filter((name) => !known.includes(name))).toEqual([])
  })
})

it('types that an asker makes up do not make series', () => {
  const labels = new Set(Array.from({ length: 0x10000 }, (_, number) => typeLabel(number)))
  expect(labels.size).toBeLessThan(32)
})

describe('promtool', () => {
  it('finds nothing to say about /metrics', async () => {
    groups.dns.requests.add(1, '127.0.0.1:53', 'udp', '1', 'A')
    groups.dns.duration.cell('127.0.0.1:53', 'local').observe(0.0003)
    groups.docker.connected.add(1, 'local')
    groups.forward.duration.cell('9.9.9.9:53', 'NOERROR').observe(0.02)
    const input = await createExposition(metrics).text()
    expect(execFileSync(promtool, ['check', 'metrics'], { input }).toString()).toBe('')
  })

  it('passes the alert rules, and they fire when they should', () => {
    expect(execFileSync(promtool, ['check', 'rules', 'config/alerts.yml']).toString()).toContain('SUCCESS')
    const told = execFileSync(promtool, ['test', 'rules', 'test/tools/prometheus/alerts.yml']).toString()
    expect(told).toContain('SUCCESS')
  })
})
