// The engine's events as the soak follows them, apart from berth, with inspects after each that may tell an address.
import { request } from 'node:http'
import type Docker from 'dockerode'
import { parseEvent } from '../../../src/docker/api/event-stream.ts'
import { likeDocker } from '../../engine/events.ts'
import { besidePodman } from '../../engine/podman.ts'
import { wallClock } from './client.ts'
import type { History } from './history.ts'
import { listByPodman } from './pods.ts'

export interface EngineLog {
  count(): number
  /** Follows the events again after the engine was away, from what is there now. */
  again(): Promise<void>
  close(): void
}

/** Resolves once the stream is open. */
export async function followEngine(engine: Docker, history: History): Promise<EngineLog> {
  let count = 0
  let stop = () => {}
  let timer: NodeJS.Timeout | undefined
  const networks = new Map((await engine.listNetworks()).map(({ Name, Id }) => [Name, Id]))

  /** Container id → inspects under way: an engine to which one is much work is not asked again meanwhile. */
  const looking = new Map<string, number>()

  async function look(id: string): Promise<void> {
    const begun = wallClock()
    looking.set(id, (looking.get(id) ?? 0) + 1)
    const told = await engine
      .getContainer(id)
      .inspect()
      .catch(() => undefined)
    const done = wallClock()
    looking.set(id, looking.get(id)! - 1)
    for (const place of Object.values(told?.NetworkSettings.Networks ?? {})) {
      const aliases = (place.Aliases as string[] | null) ?? []
      if (told!.State.Running) history.learn(id, place.NetworkID, place.IPAddress, aliases, { begun, done })
    }
  }

  /** The network tells the address while the container's own inspect waits for its start. */
  async function lookOn(networkId: string, id: string): Promise<void> {
    const begun = wallClock()
    const told = (await engine
      .getNetwork(networkId)
      .inspect()
      .catch(() => undefined)) as Docker.NetworkInspectInfo | undefined
    const address = told?.Containers?.[id]?.IPv4Address.replace(/\/\d+$/, '')
    if (address) history.locate(id, networkId, address, { begun, done: wallClock() })
  }

  function follow(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socketPath = process.env.DOCKER_HOST!.replace(/^unix:\/\//, '')
      const asking = request({ socketPath, path: '/events' }, (reply) => {
        let rest = ''
        reply.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk).split('\n')
          rest = lines.pop()!
          for (const line of lines) {
            const told = parseEvent(line)
            if (told === undefined) continue
            const event = likeDocker(told, (name) => networks.get(name) ?? name)
            count++
            history.take(event)
            const id = event.type === 'container' ? event.id : event.attributes.container
            if (id !== undefined && /^(start|connect|rename)$/.test(event.action)) void look(id)
            if (id !== undefined && event.action === 'connect') void lookOn(event.id, id)
          }
        })
        reply.on('error', () => {})
        resolve()
      })
      asking.on('error', reject)
      asking.end()
      stop = () => asking.destroy()
    })
  }

  await follow()
  // Looks that came too early to tell.
  timer = setInterval(() => {
    for (const id of history.unknown()) if (!looking.get(id)) void look(id)
    for (const { id, networkId } of history.unlocated()) void lookOn(networkId, id)
  }, 250)
  return {
    count: () => count,
    async again() {
      await follow()
      let left: ReadonlySet<string> | undefined
      while (left === undefined || left.size > 0) {
        const begun = wallClock()
        const rows = besidePodman() ? await listByPodman(engine) : await engine.listContainers({ all: true })
        left = history.restart(
          begun,
          rows.map((row) => readRow(row, networks)),
          left,
        )
      }
    },
    close() {
      clearInterval(timer)
      stop()
    },
  }
}

type Row = Pick<Docker.ContainerInfo, 'Id' | 'Names' | 'State'> &
  ({ readonly Networks: string[] | null } | Pick<Docker.ContainerInfo, 'NetworkSettings'>)

function readRow(
  row: Row,
  ids: ReadonlyMap<string, string>,
): { id: string; name: string; networkIds: string[] } {
  const isUp = row.State === 'running' || row.State === 'paused'
  const networkIds =
    'NetworkSettings' in row
      ? Object.values(row.NetworkSettings.Networks).map(({ NetworkID }) => NetworkID)
      : (row.Networks ?? []).map((name) => ids.get(name) ?? name)
  return { id: row.Id, name: row.Names[0]!, networkIds: isUp ? networkIds : [] }
}
