// Podman's own API (libpod), for what its Docker-compatible API does not report, or not in time. That one locks every
// container in turn to list them or the networks: 17 s were seen on a busy machine. It also answers 500 to the whole list
// because of one container whose networks and addresses differ: connected or disconnected while paused, for example.
import type { Clock } from '../../lib/clock.ts'
import { httpStatus, isApiError } from './errors.ts'
import { isObject, type ReportInvalid, text } from './fields.ts'
import { readLibpodNetwork, readLibpodRow, withMemberAddresses } from './libpod-rows.ts'
import type { ApiContainer, ApiContainerRow, ApiNetwork } from './types.ts'
import { parseContainer, parseNetwork } from './wanted-json.ts'

export interface LibpodClient {
  /** The name of the pod whose namespaces the container holds; undefined: none's, or it is not told. */
  podName(container: ApiContainer): Promise<string | undefined>
  listNetworks(): Promise<ApiNetwork[]>
  inspectNetwork(id: string): Promise<ApiNetwork | undefined>
  listContainers(): Promise<ApiContainerRow[]>
  /** What still answers of a container that can't be inspected; undefined: there is none of this id. */
  containerRow(id: string, listNetworks: () => Promise<ApiNetwork[]>): Promise<ApiContainerRow | undefined>
  /**
   * What `docker` resolves with; where that fails, or has not come within a second, what `own` does. Where a proxy refuses
   * Podman's own API, `docker` it is after all.
   */
  withFallback<T>(docker: (signal: AbortSignal) => Promise<T>, own: () => Promise<T>): Promise<T>
}

export interface LibpodOptions {
  readonly clock: Clock
  /** The rows of a list at `path`, each parsed and read. */
  list<T>(
    doing: string,
    path: string,
    parse: (text: string) => unknown,
    read: (told: unknown, wrong: ReportInvalid) => T | undefined,
  ): Promise<T[]>
  object(path: string, doing: string): Promise<object>
  wrongIn(doing: string): ReportInvalid
}

/** The oldest version of Podman's own API that Podman 5 takes. */
const prefix = '/v4.0.0/libpod'
/** For the Docker-compatible list, ms. */
const patience = 1_000

export function createLibpodClient({ clock, list, object, wrongIn }: LibpodOptions): LibpodClient {
  const networks = (id?: string) =>
    list('list its networks', `${prefix}/networks/json${ofId('?', id)}`, parseNetwork, readLibpodNetwork)
  const containers = (id?: string) =>
    list(
      'list its containers',
      `${prefix}/containers/json?all=true${ofId('&', id)}`,
      parseContainer,
      readLibpodRow,
    )

  return {
    async podName({ Id, Name }) {
      const pod = podOf(Name)
      if (pod === undefined) return undefined
      const doing = 'inspect a pod'
      try {
        const told = await object(`${prefix}/pods/${pod}/json`, doing)
        if (!isObject(told) || told.InfraContainerID !== Id) return undefined
        return text(told.Name, 'Name', wrongIn(doing))
      } catch {
        // A proxy may refuse it. By default the pod's host name is its name.
        return undefined
      }
    },

    listNetworks: () => networks(),
    // The filter takes the beginning of an id as well.
    inspectNetwork: async (id) => (await networks(id)).find(({ Id }) => Id === id),
    listContainers: () => containers(),

    async containerRow(id, listNetworks) {
      const row = (await containers(id)).find(({ Id }) => Id === id)
      return row && withMemberAddresses(row, await listNetworks())
    },

    async withFallback(docker, own) {
      const late = new AbortController()
      const asked = docker(late.signal)
      // Where the other one has told, its failure is nobody's to hear of.
      asked.catch(() => {})
      const inTime = new Promise<never>((_, reject) => {
        const timer = clock.setTimeout(() => reject(new Error('late')), patience)
        asked.finally(() => clock.clearTimeout(timer)).catch(() => {})
      })
      try {
        return await Promise.race([asked, inTime])
      } catch (error) {
        // Of what it refuses, and of what is gone, its own API says no more.
        if ((httpStatus(error) ?? 500) < 500) throw error
        const told = await own().then(
          (value) => ({ value }),
          () => undefined,
        )
        if (told === undefined) return asked
        late.abort()
        return told.value
      }
    },
  }
}

/** Whether a refusal is of a container that has other networks than addresses. */
export function isMismatch(error: unknown): boolean {
  return httpStatus(error) === 500 && isApiError(error) && mismatches.test(error.json.message)
}

const mismatches = /network inspection mismatch|at most 1 network status/

const ofId = (before: string, id: string | undefined) =>
  id === undefined ? '' : `${before}filters=${encodeURIComponent(JSON.stringify({ id: [id] }))}`

/** Id of the pod that a container of this name, unless it was given another, holds the namespaces of. */
function podOf(container: string): string | undefined {
  return /^\/?([0-9a-f]{12})-infra$/.exec(container)?.[1]
}
