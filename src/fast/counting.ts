// Counting answers that are at hand: each kind of them has its cells found once for a listener, and then it is three
// numbers that grow.
import { rcodeName } from '../dns/header.ts'
import { typeLabel } from '../dns/types.ts'
import type { Transport } from '../dns/writer.ts'
import type { HistogramCell } from '../lib/counters.ts'
import type { DnsCounters } from '../resolve/counters.ts'

/** What counting needs to know of an answer. */
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
  readonly requests: { value: number }
  readonly responses: { value: number }
  readonly duration: HistogramCell
}

export interface Counting {
  /** `code`: the question's type. */
  /** A number for what this is, for ever. */
  kindOf(code: number, made: { readonly rcode: number; readonly source: string }): number
  row(server: string): CellRow
  /** Counts question and answer; the time is for the caller to tell. */
  count(row: CellRow, kind: number, transport: Transport, asker: string): HistogramCell
}

export function createCounting(counters: DnsCounters): Counting {
  const kinds: Kind[] = []
  const numbers = new Map<string, number>()

  function find({ server, cells }: CellRow, kind: number, transport: Transport, isV6: boolean): Cells {
    const at = kind * 4 + (transport === 'tcp' ? 2 : 0) + (isV6 ? 1 : 0)
    let found = cells[at]
    if (found === undefined) {
      const { type, rcode, source } = kinds[kind]!
      found = {
        requests: counters.requests.cell(server, transport, isV6 ? '2' : '1', type),
        responses: counters.responses.cell(server, rcode, source),
        duration: counters.duration.cell(server, source),
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
