// What Prometheus reads: names, labels, and buckets that add up.
import { describe, expect, it } from 'vitest'
import { createExposition, metricsRoute } from '../../../src/http/exposition.ts'
import { Counter, Gauge, Histogram } from '../../../src/lib/metrics.ts'
import { version } from '../../../src/version.ts'
import { createAllMetrics } from '../all-metrics.ts'
import { container, network } from '../resolve/estate.ts'

describe('the adapter', () => {
  it('cumulates buckets and keeps sum and count', async () => {
    const histogram = new Histogram('x_seconds', 'X.', [0.1, 1], 'to')
    for (const value of [0.05, 0.1, 0.5, 7]) histogram.cell('a').observe(value)
    const text = await createExposition([histogram], { process: false }).text()
    expect(text.trim().split('\n')).toEqual([
      '# HELP x_seconds X.',
      '# TYPE x_seconds histogram',
      'x_seconds_bucket{to="a",le="0.1"} 2',
      'x_seconds_bucket{to="a",le="1"} 3',
      'x_seconds_bucket{to="a",le="+Inf"} 4',
      'x_seconds_sum{to="a"} 7.65',
      'x_seconds_count{to="a"} 4',
    ])
  })

  it('copies counters as they are at the time, escapes labels, and shows what never happened as 0', async () => {
    const labelled = new Counter('a_total', 'A.', 'name')
    const gauge = new Gauge('c', 'C.', 'x')
    gauge.cell('1').value = 2
    const metrics = createExposition([labelled, new Counter('b_total', 'B.'), gauge], { process: false })
    expect(await metrics.text()).not.toContain('a_total{')
    labelled.add(3, 'quo"te\\\n')
    const text = await metrics.text()
    expect(text).toContain('a_total{name="quo\\"te\\\\\\n"} 3\n')
    expect(text).toContain('\nb_total 0\n')
    expect(text).toContain('\nc{x="1"} 2\n')
  })
})

describe("berth's metrics", () => {
  it('have the names that dashboards rely on', async () => {
    const told = createAllMetrics()
    told.dns.requests.add(1, '127.0.0.1:53', 'udp', '1', 'A')
    told.dns.responses.add(1, '127.0.0.1:53', 'NOERROR', 'local')
    told.dns.duration.cell('127.0.0.1:53', 'local').observe(0.0003)
    told.docker.connected.cell('local').value = 1
    told.docker.errors.add(2, 'local', 'ping')
    told.forward.duration.cell('9.9.9.9:53', 'NOERROR').observe(0.02)
    told.cache.entries.add(1, 'denial')
    told.limits.reached.add(4, 'rate', 'slipped')
    const text = await createExposition(told.metrics, { process: false }).text()
    for (const line of [
      `berth_build_info{version="${version}",node="${process.version}"} 1`,
      'berth_dns_requests_total{server="127.0.0.1:53",proto="udp",family="1",type="A"} 1',
      'berth_dns_responses_total{server="127.0.0.1:53",rcode="NOERROR",source="local"} 1',
      'berth_dns_request_duration_seconds_bucket{server="127.0.0.1:53",source="local",le="0.00025"} 0',
      'berth_dns_request_duration_seconds_bucket{server="127.0.0.1:53",source="local",le="8.192"} 1',
      'berth_docker_connected{engine="local"} 1',
      'berth_docker_errors_total{engine="local",kind="ping"} 2',
      'berth_forward_request_duration_seconds_count{to="9.9.9.9:53",rcode="NOERROR"} 1',
      'berth_forward_rejects_total 0',
      'berth_forward_coalesced_total 0',
      'berth_cache_entries{type="denial"} 1',
      'berth_cache_bytes 0',
      'berth_cache_hits_total 0',
      'berth_cache_misses_total 0',
      'berth_cache_served_stale_total 0',
      'berth_cache_failures_total 0',
      'berth_cache_prefetch_total 0',
      'berth_cache_evictions_total 0',
      'berth_limits_reached_total{limit="rate",action="slipped"} 4',
      'berth_limits_broken_streams_total 0',
      'berth_fast_answers 8',
      'berth_fast_answers_bytes 900',
      'berth_limits_connections 3',
      'berth_limits_in_flight 2',
      'berth_limits_held_bytes 100',
      'berth_limits_askers 7',
      'berth_workers 1',
      'berth_worker_restarts_total 0',
      'berth_table_networks 0',
      'berth_table_endpoints 0',
      'berth_table_names 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^berth_/)
  })

  it('count networks, endpoints and names of the table', async () => {
    const one = createAllMetrics()
    one.store.apply({
      ...{ kind: 'update', engine: 'local' },
      networks: ['front', 'back'].map((name) => [name, network(name, ['10.1.0.0/24'])]),
      containers: [
        container('both', { front: { at: ['10.1.0.2', '10.1.0.3'] }, back: { at: ['10.1.0.2'] } }),
        container('stopped', { front: { at: [] } }),
        container('elsewhere', { nowhere: { at: ['10.1.0.4'] } }),
      ].map((each) => [each.id, each]),
    })
    const text = await createExposition(one.metrics).text()
    const told = [...text.matchAll(/^berth_table_(\w+) (\d+)$/gm)].map(([, name, value]) => [name, value])
    // A name counts once on each network that answers with it.
    expect(Object.fromEntries(told)).toEqual({ networks: '2', endpoints: '2', names: '2' })
  })

  it('come with those of the process, but not the gauges that call themselves _total', async () => {
    const { handle } = metricsRoute(createExposition(createAllMetrics().metrics))
    const { body, type } = await handle({
      parameters: new URLSearchParams(),
      remote: '127.0.0.1',
      headers: {},
    })
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(body).toContain('process_resident_memory_bytes')
    expect(body).toContain('nodejs_eventloop_lag_seconds')
    expect(body).not.toMatch(/nodejs_active_\w+_total/)
  })
})
