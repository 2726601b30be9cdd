// Log lines about an engine that is not as berth expects, each as often as it deserves.
import type { Logger } from '../../lib/log.ts'
import type { Network } from '../../registry/types.ts'
import { isAtLeast, oldestApi } from '../api/versions.ts'
import type { DockerMetrics } from '../docker-metrics.ts'
import type { RejectedAddress } from '../model/gateways.ts'
import { describeIsolation, type Isolation } from '../model/isolation.ts'
import type { LogLimit } from './log-limit.ts'

export interface Warnings {
  /** Something that it told is `shape`, not of the type that it must be, or `size`, longer than anything may be. */
  malformed(kind: 'shape' | 'size', what: string): void
  /** berth failed on something that it told. */
  internal(error: unknown): void
  /** Of a network's subnets and gateways. */
  leftOut(network: Network, what: readonly RejectedAddress[]): void
  /** Once: images can't be inspected. */
  imagesRefused(): void
  /** Once: what refuses the versioned path `refused` takes the plain one. */
  plainPaths(refused: string): void
  /** Once: the highest API version that it speaks, where nothing so old was tried. */
  version(apiVersion: string): void
  /** Once: its networks are elsewhere. */
  isolated(where: Isolation): void
}

/** As config/haproxy-docker.cfg has it, for those whose proxy was set up without. */
export const imageRule =
  'acl image url_reg ^(/v1\\.[0-9]{1,2})?/images/sha256(:|%3[Aa])[0-9a-f]{64}/json(\\?platform=%7[Bb]([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*%7[Dd])?$'
/** Networks whose addressing is refused are told of so often, for an engine can make any number of them. */
const mostRefusals = 50

/** `engine`: its configured name. */
export function createWarnings(
  engine: string,
  notices: LogLimit,
  counters: Pick<DockerMetrics, 'errors'>,
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
    malformed(kind, what) {
      counters.errors.add(1, engine, kind)
      const why = kind === 'shape' ? 'it has the wrong type' : 'it is too long'
      notices.say(`${kind} ${what}`, (more) =>
        log.warn({ engine, what, ...more }, `ignored a value from a Docker engine: ${why}`),
      )
    },
    internal(error) {
      counters.errors.add(1, engine, 'internal')
      const { stack = '' } = error instanceof Error ? error : new Error(String(error))
      // One fault, whoever called: its message, and where it was thrown.
      notices.say(`internal ${stack.split('\n').slice(0, 2)}`, (more) =>
        log.error(
          { engine, stack, ...more },
          'internal error in processing what a Docker engine sent; please report this',
        ),
      )
    },
    leftOut({ name }, what) {
      if (refusals++ >= mostRefusals) return
      const left = what.map((each) => `${each.what}: ${each.why}`)
      log.warn(
        { engine, network: name, left },
        'ignored subnets or gateways of a network; recreate it with valid ones',
      )
      if (refusals < mostRefusals) return
      log.warn(
        { engine },
        'more of its networks have invalid addresses and are not logged; check what creates them',
      )
    },
    imagesRefused: () =>
      once(
        'imagesRefused',
        { allow: imageRule },
        'GET /images/ID/json is refused, so labels grant no names: allow it in the socket proxy',
      ),
    plainPaths: (refused) =>
      once(
        'plainPaths',
        { refused },
        'versioned API paths are refused, so berth uses unversioned ones: allow them in the socket proxy',
      ),
    version(apiVersion) {
      if (isAtLeast(apiVersion, oldestApi)) return
      once('version', { apiVersion }, `Docker engine is older than API ${oldestApi}; names may be missing`)
    },
    isolated: (where) =>
      once(
        'isolated',
        { why: describeIsolation(where) },
        'the networks of a Docker engine are not on this machine',
      ),
  }
}
