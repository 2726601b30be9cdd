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
  /** Of who is asked (hashContext). */
  readonly context: number
}

/** What a route adds to keys; as long as it has the same upstreams. */
interface Context {
  readonly upstreams: readonly Upstream[]
  readonly text: string
  readonly hash: number
}

/** Gives questions their keys. What a route adds to them is written once for each route. */
export function createKeys(lastFlush = () => 0, seed = 0): (asked: ForwardQuestion) => Keys {
  /** By the route's name: the configuration has so many. */
  const known = new Map<string, Context>()

  function createContext(route: Route, ofClass: number): Context {
    const text = writeContext(route, ofClass)
    return { upstreams: route.upstreams, text, hash: hashContext(text, seed) }
  }

  function contextOf(route: Route, ofClass: number): Context {
    if (ofClass !== classIN) return createContext(route, ofClass)
    let context = known.get(route.name)
    if (context?.upstreams !== route.upstreams) {
      context = createContext(route, classIN)
      known.set(route.name, context)
    }
    return context
  }

  return ({ query, question, edns, route }) => {
    const { type, name } = question
    const { text: context, hash } = contextOf(route, question.class)
    const end =
      ends[(edns?.dnssecOk ? dnssecOk : 0) + ((flagsOf(query) & flag.CD) !== 0 ? checkingDisabled : 0)]
    return {
      question: `${context}${type} ${name}${end}`,
      name: `${context}* ${name}${end}`,
      since: lastFlush(),
      context: hash,
    }
  }
}

const dnssecOk = 1
const checkingDisabled = 2
/** By what of them is set. */
const ends = ['\n0', '\n1', '\n2', '\n3']

/** The name that a key is of, and who is asked for it; for all types, and whatever DO and CD. */
export function ownerOf(key: string): string {
  const start = key.indexOf('\n') + 1
  return key.slice(0, start) + key.slice(key.indexOf(' ', start) + 1, key.lastIndexOf('\n'))
}

/** Of who is asked, by a key or its owner. `seed`: so that colliding names cannot be chosen. */
export function hashContext(key: string, seed: number): number {
  return hashPart(key, key.indexOf('\n') + 1, seed)
}

/** Of a name and who is asked for it (hashContext): an owner's. */
export function hashName(name: string, context: number): number {
  return hashPart(name, name.length, context)
}

/** FNV-1a, of characters. */
function hashPart(text: string, end: number, seed: number): number {
  let hash = seed
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** The name in a key. */
export function nameOf(key: string): string {
  return key.slice(key.indexOf(' ', key.indexOf('\n')) + 1, key.lastIndexOf('\n'))
}

export function nameOfOwner(owner: string): string {
  return owner.slice(owner.indexOf('\n') + 1)
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
  const [, ofClass, route, type, name, flags] = /^\S* (\d+) ([^\n]*)\n(\S+) (\S*)\n(\d)$/.exec(key)!
  return {
    name: name!,
    type: type === '*' ? undefined : Number(type),
    class: Number(ofClass),
    dnssecOk: (Number(flags) & dnssecOk) !== 0,
    checkingDisabled: (Number(flags) & checkingDisabled) !== 0,
    route: route!,
  }
}

/** Another name, asked of the same servers. */
export function ownerBeside(owner: string, name: string): string {
  return owner.slice(0, owner.indexOf('\n') + 1) + name
}

/** The key of the question for this type, beside that of its name. */
export function questionBeside(name: string, type: number): string {
  const start = name.indexOf('\n') + 1
  return `${name.slice(0, start)}${type}${name.slice(start + 1)}`
}

/** The key of the question's name, beside that of the question. */
export function nameBeside(question: string): string {
  const start = question.indexOf('\n') + 1
  return `${question.slice(0, start)}*${question.slice(question.indexOf(' ', start))}`
}

/** Whether a key is of questions with DO. */
export function wantsSignatures(key: string): boolean {
  return (key.charCodeAt(key.length - 1) & dnssecOk) !== 0
}

export function wantsRecursion({ query }: ForwardQuestion): boolean {
  return (flagsOf(query) & flag.RD) !== 0
}

/** A route's name tells who is asked where its servers do not: the same ones may be trusted with more in another route. */
function writeContext({ name, upstreams }: Route, ofClass: number): string {
  let servers = ''
  for (const { text } of upstreams) servers += `${text},`
  return `${servers} ${ofClass} ${name}\n`
}
