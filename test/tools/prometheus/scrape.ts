// A real Prometheus that scrapes one target every second, and answers questions about it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { until } from '../../engine/docker.ts'
import { prometheusFolder } from '../../engine/install.ts'

/** One line of a chart: its labels, and its value at each second. */
export interface Line {
  readonly labels: Readonly<Record<string, string>>
  /** [seconds since 1970, value]; without those that are no number. */
  readonly points: readonly (readonly [number, number])[]
}

export interface Prometheus {
  /** What a query gives over the last so many seconds. Throws where Prometheus finds it wrong. */
  range(query: string, seconds: number): Promise<Line[]>
  get(path: string): Promise<unknown>
  close(): Promise<void>
}

/** Resolves with the first scrape. `target`: "127.0.0.1:9153". `rules`: a file of alert rules to watch for, by its full path. */
export async function startPrometheus(target: string, rules: string, port: number): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [
      { job_name: 'berth', static_configs: [{ targets: [target], labels: { instance: 'berth' } }] },
    ],
  }
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config))
  const flags = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]
  const child = spawn(join(prometheusFolder(), 'prometheus'), flags, {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const base = `http://127.0.0.1:${port}`
  const get = async (path: string): Promise<unknown> => {
    const { status, data, error } = (await (await fetch(`${base}${path}`)).json()) as Record<string, unknown>
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
  const isUp = async () =>
    ((await get('/api/v1/query?query=up%20%3D%3D%201')) as { result: unknown[] }).result.length > 0
  await until(isUp, { what: 'Prometheus has scraped', deadlineMs: 20_000 })
  return {
    get,
    async range(query, seconds) {
      const end = Date.now() / 1000
      const times = { start: String(end - seconds), end: String(end), step: '1' }
      const { result } = (await get(`/api/v1/query_range?${new URLSearchParams({ query, ...times })}`)) as {
        result: { metric: Record<string, string>; values: [number, string][] }[]
      }
      return result
        .map(({ metric, values }) => ({
          labels: metric,
          points: values
            .map(([at, text]) => [at, Number(text)] as const)
            .filter(([, value]) => !Number.isNaN(value)),
        }))
        .filter(({ points }) => points.length > 0)
    },
    async close() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
