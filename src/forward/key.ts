// What makes two questions one: for the cache, for coalescing, and for failures that are remembered.
import { flag, flagsOf } from '../dns/header.ts'
import type { ForwardQuestion } from './types.ts'

/**
 * The question, DO and CD (data with and without signatures, checked or not: RFC 4035, 4.7), and who is asked.
 * Names are canonical, so no two of them share one text, and neither they nor routes' names hold a line break.
 */
export function questionKey(asked: ForwardQuestion): string {
  return `${contextOf(asked)}${asked.question.type} ${asked.question.name}`
}

/** The same for all types of the name. */
export function nameKey(asked: ForwardQuestion): string {
  return `${contextOf(asked)}* ${asked.question.name}`
}

export function wantsRecursion({ query }: ForwardQuestion): boolean {
  return (flagsOf(query) & flag.RD) !== 0
}

/** A route's name tells who is asked where its servers do not: the same ones may be trusted with more in another route. */
function contextOf({ query, question, edns, route }: ForwardQuestion): string {
  const flags = (edns?.dnssecOk ? 1 : 0) + ((flagsOf(query) & flag.CD) !== 0 ? 2 : 0)
  let servers = ''
  for (const { text } of route.upstreams) servers += `${text},`
  return `${servers} ${question.class} ${flags} ${route.name}\n`
}
