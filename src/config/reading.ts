// A loaded configuration with its warnings, and the same in parts, for sending it to another process: ten thousand hosts
// in one message would block the receiver. Pure.

import { listWarnings } from './config-warnings.ts'
import { type Marks, markSettings } from './diff.ts'
import type { Config } from './types.ts'

export interface Reading {
  readonly config: Config
  readonly marks: Marks
  readonly warnings: readonly string[]
}

export function readingOf(config: Config): Reading {
  return { config, marks: markSettings(config), warnings: listWarnings(config) }
}

/** The lists that may be long. */
interface Lists {
  readonly hosts: Config['hosts']
  readonly allow: Config['scope']['allow']
  readonly zones: Config['forward']['zones']
  readonly networks: Config['forward']['networks']
  readonly servers: Config['forward']['servers']
  readonly rebindAllow: Config['forward']['rebindAllow']
}

/** A slice of one list, in order. */
export interface Part {
  readonly list: keyof Lists
  readonly items: readonly unknown[]
}

/** Entries per part; each takes a few microseconds to send and to receive. */
const partSize = 250

const none: Lists = { hosts: [], allow: [], zones: [], networks: [], servers: [], rebindAllow: [] }

const listsOf = ({ hosts, scope, forward }: Config): Lists => ({
  ...{ hosts, allow: scope.allow, zones: forward.zones },
  ...{ networks: forward.networks, servers: forward.servers, rebindAllow: forward.rebindAllow },
})

function withLists(config: Config, { hosts, allow, ...routes }: Lists): Config {
  return { ...config, hosts, scope: { ...config.scope, allow }, forward: { ...config.forward, ...routes } }
}

/** The configuration without its long lists, and these lists in parts. */
export function takeApart(config: Config): { readonly rest: Config; readonly parts: readonly Part[] } {
  const parts: Part[] = []
  for (const [list, items] of Object.entries(listsOf(config)) as [keyof Lists, readonly unknown[]][]) {
    for (let at = 0; at < items.length; at += partSize) {
      parts.push({ list, items: items.slice(at, at + partSize) })
    }
  }
  return { rest: withLists(config, none), parts }
}

export function putTogether(rest: Config, parts: readonly Part[]): Config {
  const lists = Object.fromEntries(Object.keys(none).map((list) => [list, [] as unknown[]]))
  for (const { list, items } of parts) for (const item of items) lists[list]!.push(item)
  return withLists(rest, lists as unknown as Lists)
}
