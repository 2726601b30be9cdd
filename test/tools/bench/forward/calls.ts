// One process has another do things and tell what came of them, over Node's own channel.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Worker {
  /** Rejects with what went wrong there, or when it ends. */
  call<T>(name: string, argument?: unknown): Promise<T>
  stop(): void
}

type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string }

/** `file` beside this one; `place`: words before the command, such as those that enter a network namespace. */
export function startWorker(file: string, place: readonly string[] = []): Worker {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const [command, ...args] = [...place, process.execPath, '--import', import.meta.resolve('tsx'), path]
  const child: ChildProcess = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, (reply: Reply) => void>()
  let last = 0
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply))
  child.on('exit', () => {
    for (const [id, settle] of waiting) settle({ id, error: `${file} has ended` })
  })
  return {
    call<T>(name: string, argument?: unknown) {
      const id = ++last
      return new Promise<T>((resolve, reject) => {
        waiting.set(id, ({ value, error }) => {
          waiting.delete(id)
          if (error === undefined) resolve(value as T)
          else reject(new Error(error))
        })
        child.send({ id, name, argument })
      })
    },
    stop: () => void child.kill(),
  }
}

/** What this process does when it is called. */
export function serveCalls(actions: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('message', async ({ id, name, argument }: { id: number; name: string; argument: never }) => {
    try {
      process.send!({ id, value: await actions[name]!(argument) } satisfies Reply)
    } catch (error) {
      process.send!({ id, error: String(error) } satisfies Reply)
    }
  })
  process.on('disconnect', () => process.exit())
}
