// TCP at link-local addresses on interfaces whose name Node does not accept as a zone, such as docker_gwbridge: it takes
// letters, digits, dots and hyphens only. System calls make the socket; it is Node's from then on.
import net from 'node:net'
import { explain } from '../lib/errors.ts'
import { isOddlyScoped } from '../lib/ip.ts'
import { type Libc, loadLibc } from './linux/libc.ts'
import type { Bindable } from './listener.ts'

/** What net.Server listens at: an address, or a bound socket. */
export type Place = { fd: number } | { host: string; port: number; ipv6Only: boolean; reusePort: boolean }

export async function placeFor(
  at: Bindable,
  isShared: boolean,
  load: () => Promise<Pick<Libc, 'bind'>> = loadLibc,
): Promise<Place> {
  if (!isOddlyScoped(at.host)) {
    const ipv6Only = at.host.includes(':')
    return { host: at.host, port: at.port, ipv6Only, reusePort: isShared }
  }
  const libc = await loaded(at, load)
  return { fd: libc.bind(at, { kind: 'tcp', shared: isShared }) }
}

/** A connection being made; it has no "connect" event, but what is written waits for it. */
export function createDialTcp(libc: Pick<Libc, 'connect'>): (to: Bindable) => net.Socket {
  return (to) => {
    try {
      return new net.Socket({ fd: libc.connect(to, 'tcp') })
    } catch (error) {
      return new net.Socket().destroy(error as Error)
    }
  }
}

/** The same, if libc may not be loaded yet. */
export const dialTcp = async (to: Bindable): Promise<net.Socket> =>
  createDialTcp(await loaded(to, loadLibc))(to)

async function loaded<T>({ host }: Bindable, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const name = host.replace(/^.*%/, '')
    throw new Error(
      `Node has no TCP for an interface named "${name}", and system calls are not available here (${explain(error)}); give the interface a name of letters, digits, "." and "-", or another address`,
    )
  }
}
