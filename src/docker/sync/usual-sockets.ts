// Finds an engine when none is configured: the usual sockets, Docker's before Podman's (docs/contexts.md lists them).
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

/** Whose sockets are looked at. */
export interface User {
  /** undefined: this system has no such numbers. */
  readonly id: number | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface UsualSocket {
  readonly path: string
  /** Below the user's own folders: somebody else's socket there is not ours to use. */
  readonly isOwn: boolean
}

/** Another process takes a connection at once; what does not is no engine that could be followed, ms. */
const patience = 1000

/** In the order in which they are tried. */
export function usualSockets({ id, env }: User): UsualSocket[] {
  const runtime = env.XDG_RUNTIME_DIR || (id === undefined ? undefined : `/run/user/${id}`)
  const inRuntime = (path: string) => (runtime === undefined ? [] : [join(runtime, path)])
  const inHome = (...paths: string[]) => paths.flatMap((path) => (env.HOME ? [join(env.HOME, path)] : []))
  const ofAll = (path: string): UsualSocket => ({ path, isOwn: false })
  const own = (path: string): UsualSocket => ({ path, isOwn: true })
  const docker = [
    ...inRuntime('docker.sock'),
    ...inHome('.docker/run/docker.sock', '.docker/desktop/docker.sock', '.orbstack/run/docker.sock'),
    ...inHome('.colima/default/docker.sock', '.config/colima/default/docker.sock', '.rd/docker.sock'),
    ...inHome('.lima/docker/sock/docker.sock', '.lima/default/sock/docker.sock'),
  ]
  const podman = [
    ...inRuntime('podman/podman.sock'),
    ...inHome('.local/share/containers/podman/machine/podman.sock'),
  ]
  return [
    ...[ofAll('/var/run/docker.sock'), ...docker.map(own)],
    ...[ofAll('/run/podman/podman.sock'), ...podman.map(own)],
  ]
}

/** The path of the first that takes a connection. Never rejects. */
export async function findSocket(
  places: readonly UsualSocket[],
  id: number | undefined,
): Promise<string | undefined> {
  for (const place of places) if (await isThere(place, id)) return place.path
  return undefined
}

async function isThere({ path, isOwn }: UsualSocket, id: number | undefined): Promise<boolean> {
  const status = await stat(path).catch(() => undefined)
  if (status === undefined || !status.isSocket() || (isOwn && id !== undefined && status.uid !== id)) {
    return false
  }
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: patience })
    const settle = (connected: boolean) => {
      socket.destroy()
      resolve(connected)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}
