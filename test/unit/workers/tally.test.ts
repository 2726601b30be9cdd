// Several processes' numbers as one: sums, buckets, and the least where one bad one is what counts.
import { expect, it } from 'vitest'
import { createExposition } from '../../../src/http/exposition.ts'
import { addTallies, readTally, sumMetrics } from '../../../src/workers/tally.ts'
import { createServingGroups, listServing } from '../all-metrics.ts'

function counted(connections = 0) {
  const groups = createServingGroups(connections)
  return { ...groups, metrics: listServing(groups) }
}

const text = (one: ReturnType<typeof counted>, others: () => ReturnType<typeof readTally>[]) =>
  createExposition(sumMetrics(one.metrics, others), { process: false }).text()

it('what was counted is added up, whoever had the label first', async () => {
  const [one, other] = [counted(3), counted(4)]
  one.dns.dropped.add(1, 'a')
  other.dns.dropped.add(2, 'a')
  other.dns.dropped.add(5, 'b')
  one.cache.hits.add(7)
  one.dns.duration.cell('a', 'local').observe(2 ** -11)
  other.dns.duration.cell('a', 'local').observe(2 ** -11)
  other.dns.duration.cell('a', 'local').observe(100)
  const lines = (await text(one, () => [readTally(other.metrics)])).split('\n')
  for (const line of [
    'berth_dns_dropped_total{server="a"} 3',
    'berth_dns_dropped_total{server="b"} 5',
    'berth_cache_hits_total 7',
    'berth_cache_misses_total 0',
    'berth_limits_connections 7',
    'berth_dns_request_duration_seconds_bucket{server="a",source="local",le="0.00025"} 0',
    'berth_dns_request_duration_seconds_bucket{server="a",source="local",le="0.0005"} 2',
    'berth_dns_request_duration_seconds_bucket{server="a",source="local",le="+Inf"} 3',
    'berth_dns_request_duration_seconds_count{server="a",source="local"} 3',
    'berth_dns_request_duration_seconds_sum{server="a",source="local"} 100.0009765625',
  ]) {
    expect(lines).toContain(line)
  }
})

it('is read when it is asked for', async () => {
  const [one, other] = [counted(), counted()]
  const metrics = createExposition(
    sumMetrics(one.metrics, () => [readTally(other.metrics)]),
    { process: false },
  )
  expect(await metrics.text()).toContain('\nberth_dns_panics_total 0\n')
  one.dns.panics.add(1)
  other.dns.panics.add(2)
  expect(await metrics.text()).toContain('\nberth_dns_panics_total 3\n')
})

it('an upstream that is down for one of them is not healthy', async () => {
  const [one, other] = [counted(), counted()]
  one.forward.healthy.cell('192.0.2.1:53').value = 1
  other.forward.healthy.cell('192.0.2.1:53').value = 0
  other.forward.healthy.cell('192.0.2.2:53').value = 1
  const told = await text(one, () => [readTally(other.metrics)])
  expect(told).toContain('berth_forward_healthy{to="192.0.2.1:53"} 0\n')
  expect(told).toContain('berth_forward_healthy{to="192.0.2.2:53"} 1\n')
})

it('of the dead stays what happened, not how things were', async () => {
  const [one, dead] = [counted(1), counted(9)]
  dead.dns.panics.add(2)
  dead.cache.entries.add(5, 'success')
  dead.forward.healthy.cell('192.0.2.1:53').value = 0
  const buried = addTallies(one.metrics, [new Map(), readTally(dead.metrics)])
  const twice = addTallies(one.metrics, [buried, readTally(dead.metrics)])
  const told = await text(one, () => [twice])
  expect(told).toContain('\nberth_dns_panics_total 4\n')
  expect(told).toContain('\nberth_limits_connections 1\n')
  expect(told).not.toMatch(/^berth_cache_entries\{/m)
  expect(told).not.toMatch(/^berth_forward_healthy\{/m)
})
