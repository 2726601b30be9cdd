// Counting answers that are at hand: each kind of them has its cells found once for a listener, and then it is three
// numbers that grow.
import { rcodeName } from '../dns/header.ts'
import { typeLabel } from '../dns/types.ts'
import type { Transport } from '../dns/writer.ts'
import type { HistogramCell } from '../lib/counters.ts'
import type { DnsCounters } from './counters.ts'

/** What counting needs to know of an answer. */
export interface Kind {
  readonly index: number
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
  readonly requests: { value: number }
  readonly responses: { value: number }
  readonly duration: HistogramCell
}

export interface Counting {
  /** `code`: the question's type. */
  kindOf(code: number, made: { readonly rcode: number; readonly source: string }): Kind
  row(server: string): CellRow
  /** Counts question and answer; the time is for the caller to tell. */
  count(row: CellRow, kind: Kind, transport: Transport, asker: string): HistogramCell
}

export function createCounting(counters: DnsCounters): Counting {
  const kinds = new Map<string, Kind>()

  function find({ server, cells }: CellRow, kind: Kind, transport: Transport, isV6: boolean): Cells {
    const at = kind.index * 4 + (transport === 'tcp' ? 2 : 0) + (isV6 ? 1 : 0)
    let found = cells[at]
    if (found === undefined) {
      found = {
        requests: counters.requests.cell(server, transport, isV6 ? '2' : '1', kind.type),
        responses: counters.responses.cell(server, kind.rcode, kind.source),
        duration: counters.duration.cell(server, kind.source),
      }
      cells[at] = found
    }
    return found
  }

  return {
    kindOf(code, { rcode, source }) {
      const parts = { type: typeLabel(code), rcode: rcodeName(rcode), source }
      const key = Object.values(parts).join(' ')
      const kind = kinds.get(key) ?? { index: kinds.size, ...parts }
      kinds.set(key, kind)
      return kind
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
