// Lists the interfaces on a thread of its own: the call may block, on Linux for as long as the kernel's lock on network
// namespaces (rtnl) is held, as it is whenever a container starts or ends.
import { networkInterfaces } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { InterfaceList } from '../lib/interfaces.ts'

/** An unchanged list is not sent again: to clone it costs more than to compare it. */
const code = `
const { networkInterfaces } = require('node:os')
const { parentPort } = require('node:worker_threads')
let before
parentPort.on('message', (only) => {
  let list
  try {
    list = networkInterfaces()
    if (only !== undefined) {
      for (const name of Object.keys(list)) {
        list[name] = list[name].filter(({ family }) => family === only)
        if (list[name].length === 0) delete list[name]
      }
    }
  } catch {}
  const now = list && JSON.stringify(list)
  parentPort.postMessage(now !== undefined && now === before ? 'same' : list)
  before = now
})`
/** MB. */
const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }

const createThread = () => new Worker(code, { eval: true, env: {}, execArgv: [], resourceLimits })

/** What the thread sends: 'same' if its last list still holds, undefined if the system gave none. */
type Listing = InterfaceList | 'same' | undefined

/**
 * To be asked once at a time, for addresses of one family alone or of both: the same object as long as it is the same list.
 * Where no thread can be had, the event loop waits. Rejects where the system has no list for us (too many files are open).
 */
export function createInterfaceList(
  create: () => Worker = createThread,
): (only?: 'IPv4') => Promise<InterfaceList> {
  let thread: Worker | undefined
  let latest: InterfaceList = {}
  let settle: (told: Listing) => void = () => {}
  let fail: (error: unknown) => void = () => {}

  function start(): Worker {
    const started = create()
    started.unref()
    started.on('message', (told: Listing) => settle(told))
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

  const ask = (only: 'IPv4' | undefined) =>
    new Promise<Listing>((resolve, reject) => {
      settle = resolve
      fail = reject
      thread ??= start()
      thread.postMessage(only)
    })

  return async (only) => {
    const told = await ask(only).catch(() => networkInterfaces())
    if (told === undefined) throw new Error('the interfaces cannot be listed')
    if (told !== 'same') latest = told
    return latest
  }
}
