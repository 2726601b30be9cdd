// Pods by Podman's own API, which is at the same socket: the Docker-compatible one has none.
import type Docker from 'dockerode'
import { image } from '../engine/image.ts'

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

/** `body`: where the path ends with a question mark, what is to follow that. */
function call(engine: Docker, method: string, path: string, body?: object): Promise<unknown> {
  const options = { method, path: `/v5.0.0/libpod${path}`, statusCodes: { 200: true, 201: true, 304: true } }
  return new Promise((resolve, reject) => {
    engine.modem.dial({ ...options, options: body }, (error: unknown, data: unknown) =>
      error ? reject(error) : resolve(data),
    )
  })
}
