// Reports each problem of labels and names once, and again only when it changes.
import { whyUnaskable } from '../../dns/told.ts'
import { isSame } from '../../lib/deep-equal.ts'
import type { Container } from '../../registry/types.ts'
import { limits } from './limits.ts'

/** Of a name's own text no more goes into a sentence. */
const longestQuote = 100

export interface ProblemReporter {
  report(id: string, problems: readonly string[]): void
  /** It is gone. */
  forget(id: string): void
}

/** By the things' ids; it holds as many as there are with problems. */
export function createProblemReporter(
  say: (id: string, problems: readonly string[]) => void,
): ProblemReporter {
  const told = new Map<string, readonly string[]>()
  return {
    report(id, problems) {
      if (problems.length === 0) told.delete(id)
      else if (!isSame(problems, told.get(id))) {
        told.set(id, problems)
        say(id, problems)
      }
    },
    forget: (id) => void told.delete(id),
  }
}

/** A sentence for each name that no question can be for. */
export function describeInvalidNames(names: Iterable<string>): readonly string[] {
  const problems: string[] = []
  let untold = 0
  for (const name of names) {
    const why = whyUnaskable(name)
    if (why === undefined) continue
    if (problems.length < limits.problems) problems.push(`"${shortened(name)}": ${why}`)
    else untold++
  }
  return untold === 0 ? problems : [...problems, `${untold} more like these`]
}

/** Of the container's names, on whatever network. */
export function invalidNamesOf({ endpoints }: Container): readonly string[] {
  const [first, ...others] = endpoints
  if (others.length === 0) return describeInvalidNames(first?.names ?? [])
  return describeInvalidNames(new Set(endpoints.flatMap(({ names }) => names)))
}

function shortened(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`
}
