// Another process of ours: the same program, with a channel to us.
//
// It gets neither our standard output nor our standard error as its own: a process that starts or ends sets these to
// blocking, for whoever shares them, and the next write to a pipe that nobody reads would stop us.
import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from './messages.ts'
import type { Child, Fork } from './supervisor.ts'

/** `onEnd` is called once, with a few words on why; nothing comes after it. */
export interface ForkHandlers<Answer> {
  readonly onMessage: (message: Answer) => void
  readonly onEnd: (why: string) => void
  /** What it writes to standard error: the last words of a process that aborts. Unheard where this is not there. */
  readonly onWords?: (text: string) => void
}

/** Where a worker has our standard output. */
export const outputOfFirst = 4

/** `program`: what Node is to run, the path of main. */
export function forkWorkers(program: string, log: Logger): Fork {
  const onWords = (text: string) => log.error({ text }, 'a worker writes to standard error')
  return (handlers) => forkCommand<ToWorker, FromWorker>(program, ['worker'], { ...handlers, onWords })
}

/** `options`: Node's own, besides those that we run with. Never throws. */
export function forkCommand<Message, Answer>(
  program: string,
  args: readonly string[],
  { onMessage, onEnd, onWords }: ForkHandlers<Answer>,
  options: readonly string[] = [],
): Child<Message> {
  let isGone = false
  const end = (why: string) => {
    if (isGone) return
    isGone = true
    onEnd(why)
  }
  let child: ChildProcess
  try {
    // Structured clones carry maps and bytes, as the table and messages have them.
    child = fork(program, [...args], {
      execArgv: [...process.execArgv, ...options],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', onWords === undefined ? 'ignore' : 'pipe', 'ipc', 1],
    })
  } catch (error) {
    setImmediate(() => end(explain(error)))
    return { pid: undefined, send() {}, kill() {} }
  }
  child.on('message', (message) => {
    if (!isGone) onMessage(withOwnBytes(message as unknown as Answer))
  })
  child.stderr?.on('data', (chunk: Buffer) => onWords?.(chunk.toString().slice(0, 4096).trimEnd()))
  child.once('exit', (code, signal) =>
    end(signal === null ? `it ended with ${code}` : `it was ended by ${signal}`),
  )
  child.on('error', (error) => {
    // No process at all: nothing else would tell.
    if (child.pid === undefined) end(explain(error))
  })
  return {
    pid: child.pid,
    send(message, sent) {
      if (child.connected) child.send(message as Serializable, (error) => error === null && sent?.())
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
