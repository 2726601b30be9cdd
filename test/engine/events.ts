// The engine's own events, heard by the test itself: a log that is not berth's.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseEvent } from '../../src/docker/api/event-stream.ts'
import { docker, until } from './docker.ts'

export interface HeardEvent {
  readonly type: string
  readonly action: string
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  /** The engine's clock, ms with fraction. */
  readonly time: number
}

/**
 * Podman's words as Docker's: a network's event has the container as its actor there, and the network's name among the
 * attributes; `remove` of a container is Docker's `destroy`. `idOf` gives a network's id.
 */
export function likeDocker(event: HeardEvent, idOf: (network: string) => string): HeardEvent {
  const { type, action, id, attributes } = event
  if (type === 'container' && action === 'remove') return { ...event, action: 'destroy' }
  const { container, network } = attributes
  if (type !== 'network' || !/^(dis)?connect$/.test(action) || container !== undefined || !network)
    return event
  return { ...event, id: idOf(network), attributes: { ...attributes, container: id, name: network } }
}

export interface Heard {
  readonly all: readonly HeardEvent[]
  /** The last such event; `name` is the actor's, or for networks the container's that is meant. */
  find(type: string, action: string, container: string): Promise<HeardEvent>
  close(): void
}

export async function followEvents(): Promise<Heard> {
  const child = spawn('docker', ['events', '--format', '{{json .}}'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const all: HeardEvent[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = parseEvent(line)
    if (event !== undefined) all.push(likeDocker(event, (network) => network))
  })
  // The stream is there once something of our own has come through it.
  const probe = `events-probe-${process.pid}`
  await until(
    async () => {
      await docker('network', 'create', probe)
      await docker('network', 'rm', probe)
      return all.some(({ attributes: { name, network } }) => name === probe || network === probe)
    },
    { what: 'the engine’s events are heard' },
  )
  return {
    all,
    async find(type, action, container) {
      const id = await docker('inspect', '--format', '{{.Id}}', container)
      return until(
        () =>
          all.findLast(
            (event) =>
              event.type === type &&
              event.action === action &&
              (event.id === id || event.attributes.container === id),
          )!,
        { what: `${type} ${action} of ${container}` },
      )
    },
    close: () => child.kill(),
  }
}
