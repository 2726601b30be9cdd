// The corpus of malformed packets, read from corpus/: one entry a packet, one file a theme.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseBytes } from './bytes.ts'

export type Side = 'questions' | 'replies' | 'streams'

export interface Entry {
  readonly side: Side
  /** Under corpus/. */
  readonly file: string
  readonly name: string
  readonly bytes: Buffer
  /** What comes of it, in the words of bench.ts. */
  readonly expect: string
  readonly why: string
  /** An RFC's section, a CVE, or a peer's case. */
  readonly source: string
  /** The id in guards.ts of what stands between the packet and harm. */
  readonly guard: string
  /**
   * How it comes, in words. A question: `tcp`; from `host` or a `stranger`, not from web; of an asker over its rate
   * (`slip`, `drop`). A reply: to an asker over `tcp`, or with `edns`, or `do`; by `stream`, after a truncated one; to
   * another name or TYPE than www.example.com A. A stream: from an `upstream`.
   */
  readonly by: string
}

const folder = fileURLToPath(new URL('corpus/', import.meta.url))

const keys = ['why', 'source', 'guard', 'by', 'bytes', 'expect'] as const

export function readCorpus(): Entry[] {
  return (['questions', 'replies', 'streams'] as const).flatMap((side) =>
    readdirSync(folder + side)
      .sort()
      .flatMap((file) => readEntries(side, `${side}/${file}`)),
  )
}

/** Names stand at the margin, then indented keys with their values; a value goes on in lines indented further. */
function readEntries(side: Side, file: string): Entry[] {
  const blocks = readFileSync(folder + file, 'utf8')
    .split(/^(?=[a-z0-9])/m)
    .filter((block) => /^[a-z0-9]/.test(block))
  return blocks.map((block) => {
    const [name, ...lines] = block.trimEnd().split('\n')
    const fields: Partial<Record<(typeof keys)[number], string>> = {}
    let key: (typeof keys)[number] | undefined
    for (const line of lines) {
      if (line.trim() === '' || line.startsWith('#')) continue
      const start = /^ {2}(\S+) +(.*)$/.exec(line)
      if (start !== null && keys.includes(start[1] as 'why')) {
        key = start[1] as (typeof keys)[number]
        fields[key] = start[2]!
      } else if (key !== undefined && /^ {3,}/.test(line)) fields[key] += `\n${line.trim()}`
      else throw new SyntaxError(`${file}, ${name}: can't read "${line}"`)
    }
    const { bytes, expect, why, source, guard, by = '' } = fields
    for (const each of ['bytes', 'expect', 'why', 'source', 'guard'] as const)
      if (!fields[each]) throw new SyntaxError(`${file}, ${name}: no ${each}`)
    return {
      ...{ side, file, name: name!, bytes: parseBytes(bytes!) },
      ...{ expect: expect!, why: why!, source: source!, guard: guard!, by },
    }
  })
}
