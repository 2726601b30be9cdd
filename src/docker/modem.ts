// The event stream and the containers' list, which are read as they come, through dockerode.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import Docker from 'dockerode'
import type { EngineAddress } from '../config/types.ts'

/** What is used of dockerode; its types know neither the agent nor abortSignal on most calls. */
export interface Api {
  /** dockerode's own listContainers gives the list as a whole. */
  readonly modem: { dial(asked: object, done: (error: unknown, stream: Readable) => void): void }
  getEvents(options: Cancel & { since: number; filters: object }): Promise<unknown>
}

interface Cancel {
  abortSignal: AbortSignal
}

export function streamContainers({ modem }: Api, abortSignal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const asked = {
      ...{ path: '/containers/json?', method: 'GET', options: { all: true }, isStream: true, abortSignal },
      statusCodes: { 200: true, 400: 'bad parameter', 500: 'server error' },
    }
    modem.dial(asked, (error, stream) => (error ? reject(error) : resolve(stream)))
  })
}

/** TCP keep-alive probes find a peer that is gone without a word; a unix socket ignores them. */
export function createAgent(address: EngineAddress, maxSockets: number): HttpAgent {
  const options = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets, maxFreeSockets: 8 }
  const isTls = address.kind === 'tcp' && address.tls !== undefined
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options)
  // docker-modem writes its options out at each call for a log line that nobody sees: of an agent that would be every
  // socket and every call under way, 10 ms of it.
  return Object.assign(agent, { [Symbol.for('nodejs.util.inspect.custom')]: () => 'Agent' })
}

export function connect(address: EngineAddress, options: object): Api {
  const docker = hidingDockerHost(() => {
    if (address.kind === 'unix') return new Docker({ ...options, socketPath: address.path, protocol: 'http' })
    const { host, port, tls } = address
    const protocol = tls === undefined ? 'http' : 'https'
    // docker-modem parses the host as a URL, so that a bare "fe80::1" would be of scheme "fe80:".
    const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}`
    return new Docker({ ...options, host: url, port, protocol, ...tls })
  })
  return docker as unknown as Api
}

/**
 * docker-modem reads DOCKER_HOST and its kin when it is made, and there DOCKER_HOST wins over a socketPath and
 * an unreadable DOCKER_CERT_PATH throws. Without DOCKER_HOST it looks at none of them.
 */
function hidingDockerHost<T>(make: () => T): T {
  const hidden = process.env.DOCKER_HOST
  delete process.env.DOCKER_HOST
  try {
    return make()
  } finally {
    if (hidden !== undefined) process.env.DOCKER_HOST = hidden
  }
}
