// The outcome of a comparison as a table, one row for each type, and what was better as a list.
import type { Judged } from './run.ts'

const answered = ({ docker, berth }: Judged) => docker.records.length + berth.records.length > 0

export function tabulate(judged: readonly Judged[]): string {
  const row = (label: string, list: readonly Judged[]) => {
    const of = (kind: string) => list.filter((each) => each.kind === kind).length
    const withAnswer = list.filter(answered).length
    const cells = [label, list.length, withAnswer, of('equal'), of('better'), of('different')]
    return `| ${cells.join(' | ')} |`
  }
  const types = [...new Set(judged.map(({ type }) => type))]
  return [
    '| type | questions | with an answer | equal | better | different |',
    '|---|---|---|---|---|---|',
    ...types.map((type) =>
      row(
        type,
        judged.filter((each) => each.type === type),
      ),
    ),
    row('all', judged),
    '',
    '| better, because | questions |',
    '|---|---|',
    ...countReasons(judged),
  ].join('\n')
}

function countReasons(judged: readonly Judged[]): string[] {
  const reasons = new Map<string, number>()
  for (const { kind, why } of judged) if (kind === 'better') reasons.set(why, (reasons.get(why) ?? 0) + 1)
  return [...reasons].sort(([, a], [, b]) => b - a).map(([why, count]) => `| ${why} | ${count} |`)
}

export const shareAnswered = (judged: readonly Judged[]): number =>
  judged.filter(answered).length / judged.length
