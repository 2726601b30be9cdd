// A real Prometheus scrapes a berth under load beside a real engine: every query of the dashboard finds something.
//
//   BERTH_CHARTS=docs/dashboard.svg npm test -- 26.1 engine/prometheus.test     draws what it found
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Chart, draw } from '../tools/prometheus/draw.ts'
import { type Prometheus, startPrometheus } from '../tools/prometheus/scrape.ts'
import { freePort } from '../tools/servers/port.ts'
import { type Berth, startBerth } from './berth.ts'
import { docker, runContainer, until } from './docker.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const run = promisify(execFile)
const chartFile = process.env.BERTH_CHARTS
/** Seconds of load, and questions a second. */
const duration = chartFile ? 60 : 8
const rates = chartFile ? { udp: 2000, tcp: 500 } : { udp: 400, tcp: 100 }
/** What Grafana would put for $__rate_interval at one scrape a second. */
const rateInterval = '4s'

interface Panel {
  title: string
  description: string
  fieldConfig: { defaults: { unit: string } }
  targets: { expr: string; legendFormat: string }[]
}

const { panels } = JSON.parse(readFileSync('config/grafana-dashboard.json', 'utf8')) as { panels: Panel[] }
const charts: Chart[] = []
let berth: Berth
let upstream: RecordingUpstream
let prometheus: Prometheus

/** Names of containers and of `hosts:`, kept and new foreign ones, wrong ones, over both transports; bounded. */
async function load(port: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-load-'))
  const file = join(folder, 'questions')
  const questions = Array.from({ length: 5000 }, (_, i) => [
    'chart-0.docker.internal A',
    'static.test A',
    'www.example.org A',
    `w${i}.example.org A`,
    'chart-0.docker.internal AAAA',
    'nobody.docker.internal A',
    'lost.example.net MX',
  ])
  writeFileSync(file, `${questions.flat().join('\n')}\n`)
  const perf = (mode: string, rate: number) =>
    run('dnsperf', [
      '-m',
      mode,
      '-s',
      '127.0.0.1',
      '-p',
      `${port}`,
      '-d',
      file,
      '-l',
      `${duration}`,
      '-Q',
      `${rate}`,
    ])
  // Containers come and go, and something that is no DNS comes in.
  let loaded = false
  const churn = async () => {
    const stray = createSocket('udp4')
    for (let i = 1; !loaded; i++) {
      stray.send('hello', port, '127.0.0.1')
      await runContainer(`chart-${i}`)
      await sleep(300)
      await docker('rm', '--force', `chart-${i}`)
    }
    stray.close()
  }
  const perfs = Promise.all([perf('udp', rates.udp), perf('tcp', rates.tcp)]).finally(() => {
    loaded = true
  })
  await Promise.all([perfs, churn()])
  rmSync(folder, { recursive: true })
}

beforeAll(async () => {
  await runContainer('chart-0')
  upstream = await startUpstream()
  const [dns, http, web] = [await freePort(), await freePort(), await freePort()]
  berth = await startBerth({
    listen: [`127.0.0.1:${dns}`],
    http: `127.0.0.1:${http}`,
    docker: { resync: '1s', engines: [{ name: 'local', url: process.env.DOCKER_HOST }] },
    hosts: { 'static.test': '192.0.2.1' },
    forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
  })
  prometheus = await startPrometheus(`127.0.0.1:${http}`, resolve('config/alerts.yml'), web)
  await load(dns)
}, 240_000)

afterAll(async () => {
  if (chartFile) writeFileSync(chartFile, draw(charts))
  await prometheus?.close()
  await berth?.stop()
  upstream?.close()
  await docker('rm', '--force', 'chart-0')
})

describe('the dashboard', () => {
  it.each(panels.map((panel) => [panel.title, panel] as const))('finds data for %s', async (title, panel) => {
    const lines: Chart['lines'][number][] = []
    for (const { expr, legendFormat } of panel.targets) {
      const query = expr.replaceAll('$__rate_interval', rateInterval).replaceAll('$instance', '.*')
      expect(query).not.toContain('$')
      const found = await prometheus.range(query, duration)
      expect(found.length, query).toBeGreaterThan(0)
      // Few enough to be read, and to be kept.
      expect(found.length, query).toBeLessThan(20)
      for (const { labels, points } of found) {
        lines.push({ name: legendFormat.replace(/{{(\w+)}}/g, (_, label) => labels[label] ?? ''), points })
      }
    }
    charts.push({ title, description: panel.description, unit: panel.fieldConfig.defaults.unit, lines })
  })

  it('shows the load as it was', async () => {
    const sum = async (query: string) => Number((await prometheus.range(query, 1)).at(-1)!.points.at(-1)![1])
    // One query for both, as a scrape may come between two; the last questions are in the next one.
    await until(() => sum('sum(berth_dns_requests_total) - sum(berth_dns_responses_total)'), {
      what: 'as many responses as requests',
      accept: (difference) => difference === 0,
      deadlineMs: 60_000,
    })
    expect(await sum('sum(berth_dns_requests_total{proto="udp"})')).toBeGreaterThan(1000)
    expect(await sum('sum(berth_dns_requests_total{proto="tcp"})')).toBeGreaterThan(100)
    expect(await sum('sum(berth_cache_hits_total)')).toBeGreaterThan(100)
  })
})

it('Prometheus runs the alert rules without an error', async () => {
  const { groups } = (await prometheus.get('/api/v1/rules')) as {
    groups: { rules: { name: string; health: string; lastError?: string; state: string }[] }[]
  }
  const rules = groups.flatMap(({ rules }) => rules)
  expect(rules.length).toBeGreaterThan(5)
  for (const { name, health, lastError } of rules)
    expect(`${name} ${health} ${lastError ?? ''}`).toBe(`${name} ok `)
  expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([])
})

it('the number of series stays small', async () => {
  const data = (await prometheus.get('/api/v1/query?query=count({job="berth"})')) as {
    result: { value: [number, string] }[]
  }
  const count = Number(data.result[0]!.value[1])
  console.log(`${count} series`)
  expect(count).toBeLessThan(1000)
})
