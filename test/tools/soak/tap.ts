// Between berth and Podman's socket: when each event was told to berth, and when it asked for what and was answered.
//
// Each stream of Podman's events looks for news at times of its own, so that another stream than berth's shows nothing of
// when berth was told.
import { createConnection, createServer } from 'node:net'
import { createEventParser, type EngineEvent } from '../../../src/docker/api/event-stream.ts'
import { wallClock } from './client.ts'

/** Of times, ms since 1970. */
export interface Exchange {
  readonly path: string
  readonly askedAt: number
  /** When the last of its answer came, as far as it has. */
  answeredAt: number
  status: number
}

export interface Tap {
  /** Its socket. */
  readonly path: string
  /** When berth was told of the event of this object and moment; undefined: not yet. */
  toldAt(event: Pick<EngineEvent, 'time' | 'action'>, id: string): number | undefined
  /** What berth asked for that was under way, or began, between the two times; of paths that hold `part`. */
  asked(from: number, to: number, part: string): readonly Exchange[]
  close(): void
}

export async function createTap(socketPath: string): Promise<Tap> {
  const path = `${socketPath}.tap`
  const told = new Map<string, number>()
  const exchanges: Exchange[] = []
  const keyOf = (event: Pick<EngineEvent, 'time' | 'action'>, id: string) =>
    `${event.time} ${event.action} ${id}`

  const server = createServer((asker) => {
    const engine = createConnection(socketPath)
    let last: Exchange | undefined
    let isStream = false
    const events = createEventParser((event) => {
      if (event !== undefined) told.set(keyOf(event, event.id), wallClock())
    })
    asker.on('data', (chunk: Buffer) => {
      const asked = /^GET (\S+) HTTP/.exec(chunk.toString('latin1'))?.[1]
      if (asked !== undefined) {
        const askedAt = wallClock()
        last = { path: asked, askedAt, answeredAt: Number.POSITIVE_INFINITY, status: 0 }
        isStream = /\/events\?/.test(asked) && !asked.includes('until=')
        if (!isStream) exchanges.push(last)
      }
      engine.write(chunk)
    })
    engine.on('data', (chunk: Buffer) => {
      if (isStream) events.push(chunk)
      else if (last !== undefined) {
        last.answeredAt = wallClock()
        last.status ||= Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1', 0, 16))?.[1] ?? 0)
      }
      asker.write(chunk)
    })
    for (const socket of [asker, engine]) socket.on('error', () => {})
    asker.on('close', () => engine.destroy())
    engine.on('close', () => asker.end())
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    toldAt: (event, id) => told.get(keyOf(event, id)),
    asked: (from, to, part) =>
      exchanges.filter((each) => each.askedAt <= to && each.answeredAt >= from && each.path.includes(part)),
    close: () => server.close(),
  }
}
