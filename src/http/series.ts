// The metrics' names: which counter is which series. They are an interface; dashboards and alerts rely on them.
import type { ConfigCounters } from '../config/counters.ts'
import type { DockerCounters } from '../docker/counters.ts'
import type { Counter } from '../lib/counters.ts'
import type { Store } from '../registry/store.ts'
import { countNames } from '../registry/table.ts'
import type { NetworkTable, Snapshot } from '../registry/types.ts'
import { version } from '../version.ts'
import { type ServingSources, servingSeries } from './serving-series.ts'
import { counter, gauge, histogram, one, type Series } from './shapes.ts'
import { sumSeries, type Tally } from './tally.ts'

/** Everything there is to count. */
export interface Sources extends ServingSources {
  readonly config: ConfigCounters
  readonly store: Pick<Store, 'current'>
  readonly docker: DockerCounters
  readonly workers: WorkerSources
}

export interface WorkerSources {
  /** Processes that answer now, the one that counts included. */
  alive(): number
  readonly restarts: Counter
  /** The other processes' numbers, those of former ones included; undefined: there are no others. */
  readonly tallies: (() => readonly Tally[]) | undefined
}

export function listSeries(sources: Sources): Series[] {
  const { config, store, docker, workers } = sources
  const serving = servingSeries(sources)
  return [
    ...buildSeries(version, process.version),
    ...(workers.tallies === undefined ? serving : sumSeries(serving, workers.tallies)),
    ...workerSeries(workers),
    ...dockerSeries(docker),
    ...tableSeries(store.current),
    ...configSeries(config),
  ]
}

export function workerSeries({ alive, restarts }: Pick<WorkerSources, 'alive' | 'restarts'>): Series[] {
  return [
    gauge('berth_workers', 'Processes that answer questions.', one(alive)),
    counter('berth_worker_restarts_total', 'Processes that died and were replaced.', restarts),
  ]
}

export function dockerSeries(counters: DockerCounters): Series[] {
  const { connected, lastSync, events, drift, lateNames, reconnects, errors, lag } = counters
  return [
    gauge('berth_docker_connected', '1 while the engine is followed: stream open, list read.', connected),
    gauge('berth_docker_last_sync_timestamp_seconds', 'When the engine was last read in full.', lastSync),
    counter('berth_docker_events_total', 'Events received from the engine.', events),
    counter(
      'berth_docker_late_names_total',
      'Names told only after the start of their container: aliases it was given while it was stopped.',
      lateNames,
    ),
    counter(
      'berth_docker_resync_drift_total',
      'Times that something was found which no event had told.',
      drift,
    ),
    counter('berth_docker_reconnects_total', 'Times the event stream was opened anew.', reconnects),
    counter('berth_docker_errors_total', 'Failed calls to the engine, by what failed.', errors),
    histogram('berth_docker_event_lag_seconds', "Time from an event's timestamp to the changed table.", lag),
  ]
}

export function tableSeries(current: () => Snapshot): Series[] {
  const sum = (of: (table: NetworkTable) => number) =>
    one(() => current().tables.reduce((total, table) => total + of(table), 0))
  return [
    gauge(
      'berth_table_networks',
      'Networks in the name table.',
      one(() => current().networks.size),
    ),
    gauge(
      'berth_table_endpoints',
      'Endpoints with an address in the name table.',
      sum(({ addressed }) => addressed),
    ),
    gauge('berth_table_names', 'Names in the table, counted once per network.', sum(countNames)),
  ]
}

export function configSeries({ reloads, lastSuccess, lastReload }: ConfigCounters): Series[] {
  return [
    counter(
      'berth_config_reloads_total',
      'Times the configuration was read again, and what came of it.',
      reloads,
    ),
    gauge(
      'berth_config_last_reload_success',
      '1 where the configuration was in order when it was last read, 0 where it was refused.',
      lastSuccess,
    ),
    gauge(
      'berth_config_last_reload_timestamp_seconds',
      'When the configuration in force was read.',
      lastReload,
    ),
  ]
}

export function buildSeries(version: string, node: string): Series[] {
  const source = () => [{ labels: { version, node }, value: 1 }]
  return [gauge('berth_build_info', "Always 1; the labels tell berth's and Node's version.", source)]
}
