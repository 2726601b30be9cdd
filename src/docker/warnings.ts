// What the log says of an engine that is not as berth expects it, each thing as often as it is worth a line.
import type { Logger } from '../lib/log.ts'
import type { Network } from '../registry/types.ts'
import { type Apart, describeApart } from './apart.ts'
import type { DockerCounters } from './counters.ts'
import type { Refused } from './gateways.ts'
import type { Notices } from './notices.ts'
import { isAtLeast, oldestApi } from './versions.ts'

export interface Warnings {
  /** Something that it told is `shape`, not of the type that it must be, or `size`, longer than anything may be. */
  strange(kind: 'shape' | 'size', what: string): void
  /** berth failed on something that it told. */
  internal(error: unknown): void
  /** Of a network's subnets and gateways. */
  leftOut(network: Network, what: readonly Refused[]): void
  /** Once: images can't be inspected. */
  imagesRefused(): void
  /** Once: what refuses the versioned path `refused` takes the plain one. */
  plainPaths(refused: string): void
  /** Once: the highest API version that it speaks, where nothing so old was tried. */
  version(apiVersion: string): void
  /** Once: its networks are elsewhere. */
  apart(where: Apart): void
}

/** As config/haproxy-docker.cfg has it, for those whose proxy was set up without. */
export const imageRule =
  'acl image url_reg ^(/v1\\.[0-9]{1,2})?/images/sha256(:|%3[Aa])[0-9a-f]{64}/json(\\?platform=%7[Bb]([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*%7[Dd])?$'
/** Networks whose addressing is refused are told of so often, for an engine can make any number of them. */
const mostRefusals = 50

/** `engine`: its configured name. */
export function createWarnings(
  engine: string,
  notices: Notices,
  counters: Pick<DockerCounters, 'errors'>,
  log: Logger,
): Warnings {
  const told = new Set<string>()
  let refusals = 0

  function once(what: keyof Warnings, fields: object, text: string) {
    if (told.has(what)) return
    told.add(what)
    log.warn({ engine, ...fields }, text)
  }

  return {
    strange(kind, what) {
      counters.errors.add(1, engine, kind)
      const said = kind === 'shape' ? 'is not what Docker tells there' : 'is longer than berth reads'
      notices.say(`${kind} ${what}`, (more) =>
        log.warn({ engine, what, ...more }, `what a Docker engine told ${said}; it is left out`),
      )
    },
    internal(error) {
      counters.errors.add(1, engine, 'internal')
      const { stack = '' } = error instanceof Error ? error : new Error(String(error))
      // One fault, whoever called: its message, and where it was thrown.
      notices.say(`internal ${stack.split('\n').slice(0, 2)}`, (more) =>
        log.error(
          { engine, stack, ...more },
          'berth failed on what a Docker engine told; please report this',
        ),
      )
    },
    leftOut({ name }, what) {
      if (refusals++ >= mostRefusals) return
      const left = what.map((each) => `${each.what}: ${each.why}`)
      log.warn(
        { engine, network: name, left },
        'subnets or gateways of a network left out; make it anew with others',
      )
      if (refusals < mostRefusals) return
      log.warn({ engine }, 'more of its networks are like that, and not told of; see to what makes them')
    },
    imagesRefused: () =>
      once(
        'imagesRefused',
        { allow: imageRule },
        'GET /images/ID/json is refused, so that labels grant no names: let the socket proxy allow it',
      ),
    plainPaths: (refused) =>
      once(
        'plainPaths',
        { refused },
        'paths with an API version are refused, so berth asks without: let the socket proxy allow them',
      ),
    version(apiVersion) {
      if (isAtLeast(apiVersion, oldestApi)) return
      once('version', { apiVersion }, `Docker engine is older than API ${oldestApi}; names may be missing`)
    },
    apart: (where) =>
      once('apart', { why: describeApart(where) }, 'the networks of a Docker engine are not on this machine'),
  }
}
