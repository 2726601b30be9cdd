// Counts fast answers: the cells of each kind are looked up once per listener; after that, to count is to add to three
// numbers.
import { rcodeName } from '../dns/header.ts'
import { typeLabel } from '../dns/types.ts'
import type { Transport } from '../dns/writer.ts'
import { type CounterCell, computedGauge, type HistogramCell } from '../lib/metrics.ts'
import type { DnsMetrics } from '../resolve/dns-metrics.ts'

/** Answers of one kind are counted in the same cells. */
interface Kind {
  readonly type: string
  readonly rcode: string
  readonly source: string
}

/** One listener's cells, by kind, transport and family. */
export interface CellRow {
  readonly server: string
  readonly cells: (Cells | undefined)[]
}

interface Cells {
  readonly requests: CounterCell
  readonly responses: CounterCell
  readonly duration: HistogramCell
}

export interface HitCounter {
  /** The number of this kind of answer, for as long as we run. `code`: the question's type. */
  kindOf(code: number, made: { readonly rcode: number; readonly source: string }): number
  row(server: string): CellRow
  /** Counts question and answer; the caller observes the duration. */
  count(row: CellRow, kind: number, transport: Transport, asker: string): HistogramCell
}

export function createHitCounter(metrics: DnsMetrics): HitCounter {
  const kinds: Kind[] = []
  const numbers = new Map<string, number>()

  function find({ server, cells }: CellRow, kind: number, transport: Transport, isV6: boolean): Cells {
    const at = kind * 4 + (transport === 'tcp' ? 2 : 0) + (isV6 ? 1 : 0)
    let found = cells[at]
    if (found === undefined) {
      const { type, rcode, source } = kinds[kind]!
      found = {
        requests: metrics.requests.cell(server, transport, isV6 ? '2' : '1', type),
        responses: metrics.responses.cell(server, rcode, source),
        duration: metrics.duration.cell(server, source),
      }
      cells[at] = found
    }
    return found
  }

  return {
    kindOf(code, { rcode, source }) {
      const parts = { type: typeLabel(code), rcode: rcodeName(rcode), source }
      const key = Object.values(parts).join(' ')
      let number = numbers.get(key)
      if (number === undefined) {
        number = kinds.push(parts) - 1
        numbers.set(key, number)
      }
      return number
    },
    row: (server) => ({ server, cells: [] }),
    count(row, kind, transport, asker) {
      const { requests, responses, duration } = find(row, kind, transport, asker.includes(':'))
      requests.value++
      responses.value++
      return duration
    },
  }
}

export function fastGauges(held: () => { readonly answers: number; readonly bytes: number }) {
  return {
    answers: computedGauge('berth_fast_answers', 'Encoded answers held for reuse.', () => held().answers),
    bytes: computedGauge(
      'berth_fast_answers_bytes',
      'Approximate memory used by encoded answers.',
      () => held().bytes,
    ),
  }
}
