// What tests have of Podman's own API, which is at the same socket: pods, and containers that the other one can't tell.
import type Docker from 'dockerode'
import { until } from '../../engine/docker.ts'
import { image } from '../../engine/image.ts'

export interface Pod {
  /** The id of the container in it that is not its own. */
  readonly member: string
  remove(): Promise<unknown>
}

/** A pod on one network with one container of the test image, both running. */
export async function createPod(engine: Docker, pod: string, network: string, name: string): Promise<Pod> {
  await call(engine, 'POST', '/pods/create', {
    name: pod,
    netns: { nsmode: 'bridge' },
    Networks: { [network]: {} },
  })
  const member = (await call(engine, 'POST', '/containers/create', { name, image, pod })) as { Id: string }
  await call(engine, 'POST', `/pods/${pod}/start`)
  return { member: member.Id, remove: () => call(engine, 'DELETE', `/pods/${pod}?`, { force: true }) }
}

interface Row {
  readonly Id: string
  readonly Names: string[]
  readonly State: string
  /** By name. */
  readonly Networks: string[] | null
}

/** All containers, also while one is being connected to a network, when the Docker-compatible list is refused with 500. */
export async function listByPodman(engine: Docker): Promise<Row[]> {
  return (await call(engine, 'GET', '/containers/json?', { all: true })) as Row[]
}

/**
 * A service that is killed while it connects a container to a network knows the container to be on it and has no address
 * (5.8.6): it answers every inspect and every list of containers with 500 until the container is taken off the network
 * or removed. Removes those, as whoever keeps the machine has to; gives how many they were.
 */
export async function removeHalfConnected(engine: Docker): Promise<number> {
  const removed = new Set<string>()
  const remove = async () => {
    const rows = await listByPodman(engine)
    const broken: string[] = []
    for (const { Id } of rows) {
      const told = await engine
        .getContainer(Id)
        .inspect()
        .catch((error: { statusCode?: number }) => error)
      if ('statusCode' in told && told.statusCode === 500) broken.push(Id)
    }
    for (const id of broken) {
      removed.add(id)
      // Others act on it at the same time.
      await engine
        .getContainer(id)
        .remove({ force: true })
        .catch(() => {})
    }
    return broken.length === 0
  }
  await until(remove, { what: 'every container can be told again' })
  return removed.size
}

/** `body`: where the path ends with a question mark, what is to follow that. */
function call(engine: Docker, method: string, path: string, body?: object): Promise<unknown> {
  const options = { method, path: `/v5.0.0/libpod${path}`, statusCodes: { 200: true, 201: true, 304: true } }
  return new Promise((resolve, reject) => {
    engine.modem.dial({ ...options, options: body }, (error: unknown, data: unknown) =>
      error ? reject(error) : resolve(data),
    )
  })
}
