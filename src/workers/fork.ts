// Starts another process of the same program, with a channel to it.
//
// It does not inherit standard output and error as its own: a process that starts or exits sets them to blocking for all
// that share them, and our next write to a pipe that is not being read would block.
import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { explain } from '../lib/errors.ts'
import type { Logger } from '../lib/log.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from './messages.ts'
import type { Child, Fork } from './supervisor.ts'

/** `onEnd` is called once, with the reason; nothing follows it. */
export interface ForkHandlers<Answer> {
  readonly onMessage: (message: Answer) => void
  readonly onEnd: (why: string) => void
  /** What it writes to standard error, such as the message of an abort. Default: discarded. */
  readonly onWords?: (text: string) => void
}

/** The descriptor of our standard output in a worker. */
export const outputOfFirst = 4

/** `program`: the path of main, for Node to run. */
export function forkWorkers(program: string, log: Logger): Fork {
  const onWords = (text: string) => log.error({ text }, 'a worker wrote to standard error')
  return (handlers) => forkCommand<ToWorker, FromWorker>(program, ['worker'], { ...handlers, onWords })
}

/** `options`: Node's own, in addition to ours. Never throws. */
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
    // Structured clones carry the Maps and bytes of tables and messages.
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
    end(signal === null ? `it exited with ${code}` : `it was killed by ${signal}`),
  )
  child.on('error', (error) => {
    // There is no process, so there will be no exit event.
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
