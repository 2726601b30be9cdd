// Runs an entry of the corpus, the way that its `by` tells.
import { encodeQuery } from '../../src/dns/message.ts'
import { createBench, type Parts } from './bench.ts'
import type { Entry } from './corpus.ts'
import { fromUpstream, onStream } from './streams.ts'
import { askers, type From } from './world.ts'

/** What becomes of it; `pieces` are the offsets at which a stream is cut. */
export async function run(parts: Parts, entry: Entry, pieces: readonly number[] = []): Promise<string> {
  const words = entry.by.split(/\s+/).filter(Boolean)
  const transport: 'udp' | 'tcp' = words.includes('tcp') ? 'tcp' : 'udp'
  try {
    if (entry.side === 'streams')
      return words.includes('upstream')
        ? await fromUpstream(parts, entry.bytes, pieces)
        : await onStream(parts, entry.bytes, pieces)
    const bench = createBench(parts)
    const from = words.find((word): word is From => word in askers)
    const pressed = words.find((word) => word === 'slip' || word === 'drop')
    const how = {
      transport,
      stream: words.includes('stream'),
      ...(from === undefined ? {} : { from }),
      ...(pressed === undefined ? {} : { pressed }),
    }
    if (entry.side === 'questions') return await bench.ask(entry.bytes, how)
    const name = words.find((word) => word.includes('.')) ?? 'www.example.com'
    const type = words.find((word) => /^[A-Z]+$/.test(word)) ?? 'A'
    const edns = words.includes('edns') || words.includes('do') ? { edns: 1232 } : {}
    const query = encodeQuery(name, type, { id: 7, ...edns })
    if (words.includes('do')) query[query.length - 4] = 0x80
    return await bench.hear(entry.bytes, query, how)
  } catch (error) {
    return `threw ${(error as Error).message}`
  }
}
