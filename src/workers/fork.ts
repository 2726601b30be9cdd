// A worker's process: the same program as ours, with a channel to us. It writes to our own standard output and error.
import { type ChildProcess, fork } from 'node:child_process'
import { explain } from '../lib/errors.ts'
import { type FromWorker, type ToWorker, withOwnBytes } from './messages.ts'
import type { Fork } from './seat.ts'

/** `program`: what Node is to run, the path of main. */
export function forkWorkers(program: string): Fork {
  return ({ onMessage, onEnd }) => {
    let isGone = false
    const end = (why: string) => {
      if (isGone) return
      isGone = true
      onEnd(why)
    }
    let child: ChildProcess
    try {
      // Structured clones carry maps and bytes, as the table and messages have them.
      child = fork(program, ['worker'], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
    } catch (error) {
      setImmediate(() => end(explain(error)))
      return { pid: undefined, send() {}, kill() {} }
    }
    child.on('message', (message) => {
      if (!isGone) onMessage(withOwnBytes(message as unknown as FromWorker))
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
      send(message: ToWorker, sent) {
        if (child.connected) child.send(message, (error) => error === null && sent?.())
      },
      kill: () => void child.kill('SIGKILL'),
    }
  }
}
