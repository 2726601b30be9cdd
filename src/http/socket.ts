// A unix socket's place in the file system: its rights are there before its name is, a stale one of ours is replaced, and
// no file of others is ever removed.
import { once } from 'node:events'
import { chownSync, linkSync, lstatSync, type Stats, statSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { BerthError, systemCode } from '../lib/errors.ts'

export interface SocketPlace {
  /** Absolute. */
  readonly path: string
  /** undefined: as the system makes it. */
  readonly group: number | undefined
}

/** Owner and group may use it: 660. */
const mode = 0o660

/** Has `server` listen there; resolves to what removes the socket again. Rejects with a BerthError LISTEN. */
export async function listenAt(server: Server, { path, group }: SocketPlace): Promise<() => void> {
  // Closing unlinks the name that was bound, whatever has that name by then: so that is another one.
  const made = `${path}.${process.pid}`
  try {
    await makeRoom(path)
    await listen(server, made)
  } catch (error) {
    throw failure(path, error)
  }
  try {
    if (group !== undefined) chownSync(made, -1, group)
    // Unlike a rename it replaces nothing that came meanwhile.
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

/** Resolves where the path is free, or was a socket of ours that nobody serves any more. */
async function makeRoom(path: string): Promise<void> {
  // Binding in a folder that is not there would be told as a missing permission.
  statSync(dirname(path))
  const found = statsOf(path)
  if (found === undefined) return
  const refuse = (why: string) => {
    throw new BerthError('LISTEN', `api.socket: ${path} ${why}`)
  }
  if (!found.isSocket())
    return refuse('is there and is no socket; remove it, or set api.socket to another path')
  if (await isServed(path))
    return refuse('is served by another program (another berth?); stop it, or choose another path')
  const isOurs = found.uid === process.geteuid?.() && (found.mode & 0o777) === mode
  if (!isOurs)
    return refuse(
      'is a socket that berth did not make, or as another user; remove it, or choose another path',
    )
  removeIf(path, (now) => now.dev === found.dev && now.ino === found.ino)
}

/** Anything but a refusal may be somebody who is busy, or who is not for us. */
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

/** The name is bound within the call, so that what else the process makes is not touched by the mask. */
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
    // Its folder is gone or not ours any more: it is not in our way.
  }
}

function failure(path: string, error: unknown): BerthError {
  if (error instanceof BerthError) return error
  const advice: Record<string, string> = {
    ENOENT: `api.socket: the folder of ${path} is not there; make it, or set api.socket to another path`,
    EACCES: `api.socket: ${path} may not be made; its folder must be writable for berth`,
    EPERM: `api.socket: ${path} may not be given to api.group; berth must be in that group, or root`,
    EEXIST: `api.socket: ${path} was made by another program just now`,
    EROFS: `api.socket: ${path} is on a read-only file system; mount a folder for it`,
  }
  const message = advice[systemCode(error) ?? ''] ?? `api.socket: can't listen at ${path}`
  return new BerthError('LISTEN', message, error)
}
