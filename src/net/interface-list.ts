// The list of interfaces, asked for on a thread of its own: the system may let whoever asks wait, on Linux for as long as
// the kernel's lock on network namespaces (rtnl) is held, as with each container that starts or ends.
import { networkInterfaces } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { InterfaceList } from '../lib/interfaces.ts'

const code = `
const { networkInterfaces } = require('node:os')
const { parentPort } = require('node:worker_threads')
parentPort.on('message', () => {
  let list
  try { list = networkInterfaces() } catch {}
  parentPort.postMessage(list)
})`
/** It needs next to nothing, MB. */
const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }

const createThread = () => new Worker(code, { eval: true, env: {}, execArgv: [], resourceLimits })

/**
 * To be asked once at a time. Where no thread can be had, the event loop waits. Rejects where the system has no list for us
 * (too many files are open).
 */
export function createInterfaceList(create: () => Worker = createThread): () => Promise<InterfaceList> {
  let thread: Worker | undefined
  let settle: (list: InterfaceList | undefined) => void = () => {}
  let fail: (error: unknown) => void = () => {}

  function start(): Worker {
    const started = create()
    started.unref()
    started.on('message', (list: InterfaceList | undefined) => settle(list))
    const end = (error: unknown) => {
      // There may be another one already.
      if (thread !== started) return
      thread = undefined
      fail(error)
    }
    started.on('error', end)
    started.on('exit', end)
    return started
  }

  const ask = () =>
    new Promise<InterfaceList | undefined>((resolve, reject) => {
      settle = resolve
      fail = reject
      thread ??= start()
      thread.postMessage(undefined)
    })

  return async () => {
    const list = await ask().catch(() => networkInterfaces())
    if (list === undefined) throw new Error('the interfaces can not be listed')
    return list
  }
}
