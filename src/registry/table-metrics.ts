// How large the name table is.
import { computedGauge } from '../lib/metrics.ts'
import { countNames } from './table.ts'
import type { NetworkTable, Snapshot } from './types.ts'

export function tableMetrics(current: () => Snapshot) {
  const networks = () => current().networks.size
  const sum = (of: (table: NetworkTable) => number) => () =>
    current().tables.reduce((total, table) => total + of(table), 0)
  const endpoints = sum(({ addressed }) => addressed)
  const names = sum(countNames)
  return {
    networks: computedGauge('berth_table_networks', 'Networks in the name table.', networks),
    endpoints: computedGauge('berth_table_endpoints', 'Endpoints with an address in the table.', endpoints),
    names: computedGauge('berth_table_names', 'Names in the table, counted once per network.', names),
  }
}
