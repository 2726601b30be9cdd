// Binds a unix socket in the file system: sets its permissions before its name exists, replaces a stale socket of ours,
// and never removes another program's file.
import { once } from 'node:events'
import { chownSync, linkSync, lstatSync, type Stats, statSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { BerthError, systemCode } from '../lib/errors.ts'

export interface SocketPlace {
  /** Absolute. */
  readonly path: string
  /** undefined: the one the system gives it. */
  readonly group: number | undefined
}

/** Only owner and group may use it. */
const mode = 0o660

/** Makes `server` listen there; resolves to a function that removes the socket. Rejects with a BerthError LISTEN. */
export async function listenAt(server: Server, { path, group }: SocketPlace): Promise<() => void> {
  // Closing unlinks the bound name, whatever file has it by then, so a temporary name is bound.
  const made = `${path}.${process.pid}`
  try {
    await makeRoom(path)
    await listen(server, made)
  } catch (error) {
    throw failure(path, error)
  }
  try {
    if (group !== undefined) chownSync(made, -1, group)
    // Unlike a rename, this replaces no file made meanwhile.
    linkSync(made, path)
    const { dev, ino } = lstatSync(path)
    return () => removeIf(path, (now) => now.dev === dev && now.ino === ino)
  } catch (error) {
    await new Promise((resolve) => server.close(resolve))
    throw failure(path, error)
  } finally {
    removeIf(made, () => true)
  }
}

/** Resolves if the path is free, or had a stale socket of ours, which it removes. */
async function makeRoom(path: string): Promise<void> {
  // Binding in a missing folder would fail with a misleading permission error.
  statSync(dirname(path))
  const found = statsOf(path)
  if (found === undefined) return
  const refuse = (why: string) => {
    throw new BerthError('LISTEN', `api.socket: ${path} ${why}`)
  }
  if (!found.isSocket())
    return refuse('exists and is not a socket; remove it, or set api.socket to another path')
  if (await isServed(path))
    return refuse('is served by another program (another berth?); stop it, or choose another path')
  const isOurs = found.uid === process.geteuid?.() && (found.mode & 0o777) === mode
  if (!isOurs)
    return refuse(
      'is a socket that berth did not make, or made as another user; remove it, or choose another path',
    )
  removeIf(path, (now) => now.dev === found.dev && now.ino === found.ino)
}

/** Any error but a refusal may come from a busy server, or one that we may not use. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '')))
  })
}

/** `listen` binds synchronously, so the umask affects no other file. */
async function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o777 & ~mode)
  try {
    server.listen({ path })
  } finally {
    process.umask(before)
  }
  await once(server, 'listening')
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function removeIf(path: string, holds: (stats: Stats) => boolean): void {
  try {
    const stats = statsOf(path)
    if (stats !== undefined && holds(stats)) unlinkSync(path)
  } catch {
    // Its folder is gone or no longer ours, so it does not matter.
  }
}

function failure(path: string, error: unknown): BerthError {
  if (error instanceof BerthError) return error
  const advice: Record<string, string> = {
    ENOENT: `api.socket: the folder of ${path} does not exist; create it, or set api.socket to another path`,
    EACCES: `api.socket: cannot create ${path}; its folder must be writable for berth`,
    EPERM: `api.socket: cannot give ${path} to api.group; berth must be in that group, or run as root`,
    EEXIST: `api.socket: another program has just created ${path}`,
    EROFS: `api.socket: ${path} is on a read-only file system; mount a writable folder for it`,
  }
  const message = advice[systemCode(error) ?? ''] ?? `api.socket: cannot listen at ${path}`
  return new BerthError('LISTEN', message, error)
}
