// What makes two questions one: for the cache, for coalescing, and for failures that are remembered.

import type { Upstream } from '../config/types.ts'
import { flag, flagsOf } from '../dns/header.ts'
import { classIN } from '../dns/types.ts'
import type { ForwardQuestion, Route } from './types.ts'

/** Made once for each question, and passed on with it. */
export interface Keys {
  /**
   * The question, DO and CD (data with and without signatures, checked or not: RFC 4035, 4.7), and who is asked.
   * Names are canonical, so no two of them share one text, and neither they nor routes' names hold a line break.
   */
  readonly question: string
  /** The same for all types of the name. */
  readonly name: string
  /** The number of the latest flush of the cache when this was asked. */
  readonly since: number
}

/** What a route adds to keys, by flags; as long as it has the same upstreams. */
interface Contexts {
  readonly upstreams: readonly Upstream[]
  readonly byFlags: string[]
}

/** Gives questions their keys. What a route adds to them is written once for each route. */
export function createKeys(lastFlush = () => 0): (asked: ForwardQuestion) => Keys {
  /** By the route's name: the configuration has so many. */
  const known = new Map<string, Contexts>()

  function contextOf({ query, question, edns, route }: ForwardQuestion): string {
    const flags = (edns?.dnssecOk ? 1 : 0) + ((flagsOf(query) & flag.CD) !== 0 ? 2 : 0)
    if (question.class !== classIN) return writeContext(route, question.class, flags)
    let contexts = known.get(route.name)
    if (contexts?.upstreams !== route.upstreams) {
      contexts = { upstreams: route.upstreams, byFlags: [] }
      known.set(route.name, contexts)
    }
    contexts.byFlags[flags] ??= writeContext(route, classIN, flags)
    return contexts.byFlags[flags]
  }

  return (asked) => {
    const { type, name } = asked.question
    const context = contextOf(asked)
    return { question: `${context}${type} ${name}`, name: `${context}* ${name}`, since: lastFlush() }
  }
}

/** The name in a key: it is what stands last, and holds no space. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1)
}

/** What a key says, for people. */
export interface KeyText {
  readonly name: string
  /** undefined: all of them. */
  readonly type: number | undefined
  readonly class: number
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  /** The route's name. */
  readonly route: string
}

/** Reads what `writeContext` and `createKeys` write. */
export function readKey(key: string): KeyText {
  const [, ofClass, flags, route, type, name] = /^\S* (\d+) (\d) ([^\n]*)\n(\S+) (\S*)$/.exec(key)!
  return {
    name: name!,
    type: type === '*' ? undefined : Number(type),
    class: Number(ofClass),
    dnssecOk: (Number(flags) & 1) !== 0,
    checkingDisabled: (Number(flags) & 2) !== 0,
    route: route!,
  }
}

export function wantsRecursion({ query }: ForwardQuestion): boolean {
  return (flagsOf(query) & flag.RD) !== 0
}

/** A route's name tells who is asked where its servers do not: the same ones may be trusted with more in another route. */
function writeContext({ name, upstreams }: Route, ofClass: number, flags: number): string {
  let servers = ''
  for (const { text } of upstreams) servers += `${text},`
  return `${servers} ${ofClass} ${flags} ${name}\n`
}
