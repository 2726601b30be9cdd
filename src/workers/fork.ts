// Another process of ours: the same program, with a channel to us. It writes to our own standard output and error.
import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { explain } from '../lib/errors.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from './messages.ts'
import type { Child, Fork } from './seat.ts'

/** `onEnd` is called once, with a few words on why; nothing comes after it. */
export interface ForkHandlers<Answer> {
  readonly onMessage: (message: Answer) => void
  readonly onEnd: (why: string) => void
}

/** `program`: what Node is to run, the path of main. */
export function forkWorkers(program: string): Fork {
  return (handlers) => forkCommand<ToWorker, FromWorker>(program, ['worker'], handlers)
}

/** `options`: Node's own, besides those that we run with. Never throws. */
export function forkCommand<Message, Answer>(
  program: string,
  args: readonly string[],
  { onMessage, onEnd }: ForkHandlers<Answer>,
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
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  } catch (error) {
    setImmediate(() => end(explain(error)))
    return { pid: undefined, send() {}, kill() {} }
  }
  child.on('message', (message) => {
    if (!isGone) onMessage(withOwnBytes(message as unknown as Answer))
  })
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
