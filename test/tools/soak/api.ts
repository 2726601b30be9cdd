// The engine's API as tests drive it: many calls at once, without a command for each.
import Docker from 'dockerode'
import { image } from '../../engine/image.ts'

export function connectEngine(): Docker {
  const socketPath = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '')
  return new Docker({ socketPath })
}

/** Creates a container of the test image on one network. */
export function createOn(
  engine: Docker,
  name: string,
  network: string,
  aliases: string[] = [],
): Promise<Docker.Container> {
  return engine.createContainer({
    name,
    Image: image,
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: aliases } } },
  })
}

/** Runs `work` on every item, `atOnce` at a time. */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
