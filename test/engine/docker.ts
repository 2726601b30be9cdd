// What engine tests say to Docker and to name servers: the docker command, dig from a container's place, waiting.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type DigReply, parseDig } from './dig.ts'
import { image } from './image.ts'
import { besidePodman } from './podman.ts'

export type Addresses = { v4: string | undefined; v6: string | undefined }
export type Question = {
  server: string
  name: string
  port?: number
  type?: string
  tcp?: boolean
  // More of dig's own arguments, such as `+bufsize=512`.
  args?: string[]
}

/** Where tests have berth on every network: on Podman its own name server, aardvark-dns, has port 53 of each gateway. */
export const dnsPort = besidePodman() ? 1053 : 53

const run = promisify(execFile)

// Runs the docker command; gives what it printed, without the last newline.
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args, { maxBuffer: 64 << 20 })).stdout.trimEnd()
}

// Starts a container of the test image; gives its id. `args` are those of `docker run` before the image.
export function runContainer(name: string, ...args: string[]): Promise<string> {
  return docker('run', '--detach', '--name', name, ...args, image)
}

export async function pidOf(container: string): Promise<number> {
  const pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', container))
  if (!pid) throw new Error(`${container} is not running`)
  return pid
}

// By network name; what the container has no address for is undefined.
export async function addressesOf(container: string): Promise<Record<string, Addresses>> {
  const format = '{{json .NetworkSettings.Networks}}'
  const networks = JSON.parse(await docker('inspect', '--format', format, container)) as Record<
    string,
    { IPAddress: string; GlobalIPv6Address: string }
  >
  return Object.fromEntries(
    Object.entries(networks).map(([name, { IPAddress, GlobalIPv6Address }]) => [
      name,
      { v4: IPAddress || undefined, v6: GlobalIPv6Address || undefined },
    ]),
  )
}

// A container by name, or a process by number: while the engine is down, names mean nothing.
export type Place = string | number

// The words before a command that make it run in that place's network namespace, with the machine's files.
export async function onNetworkOf(place: Place): Promise<string[]> {
  const isRoot = process.getuid?.() === 0
  if (isRoot || typeof place === 'number') {
    return ['nsenter', `--net=/proc/${typeof place === 'number' ? place : await pidOf(place)}/ns/net`]
  }
  // Whoever may talk to the engine without being root can have it enter the namespace for them.
  const options = ['--rm', '--network', `container:${place}`, '--volume', '/:/host:ro']
  return ['docker', 'run', ...options, image, 'chroot', '/host']
}

// Asks once with dig, from a container's network or from the engine's host. No reply is the rcode TIMEOUT.
export async function digFrom(where: Place | 'host', question: Question): Promise<DigReply> {
  const { server, name, port = dnsPort, type = 'A', tcp = false, args = [] } = question
  const entry = where === 'host' ? [] : await onNetworkOf(where)
  const shown = ['+noall', '+comments', '+question', '+answer', '+authority', '+additional']
  const options = ['+tries=1', '+time=3', tcp ? '+tcp' : '+notcp', ...args]
  const asked = ['-p', String(port), `@${server}`, '-q', name, '-t', type]
  const [command, ...rest] = [...entry, 'dig', '-r', ...asked, ...shown, ...options] as [string, ...string[]]
  // dig's exit code 9 says that no reply came; anything else that fails is not about DNS.
  const result = await run(command, rest).catch((error) => {
    if (error.code === 9) return error as { stdout: string }
    throw error
  })
  return parseDig(result.stdout)
}

// Waits until `look` gives something true, or something `accept` takes; what it throws counts as not yet.
export async function until<T>(
  look: () => T | Promise<T>,
  options: { what: string; deadlineMs?: number; accept?: (value: T) => boolean },
): Promise<T> {
  const { what, deadlineMs = 60_000, accept = Boolean } = options
  const deadline = Date.now() + deadlineMs
  for (;;) {
    let seen: unknown
    try {
      const value = await look()
      if (accept(value)) return value
      seen = value
    } catch (error) {
      seen = error
    }
    if (Date.now() > deadline) {
      const last = seen instanceof Error ? seen.message : JSON.stringify(seen)
      throw new Error(`${what}: not within ${deadlineMs} ms; last seen: ${last}`)
    }
    await sleep(20)
  }
}

export type Asked = { name: string; type: string }

// Many questions with one dig, for they are many. A question without a reply is not in the map.
export async function digMany(
  where: string | 'host',
  server: { server: string; port?: number; tcp?: boolean },
  questions: readonly Asked[],
): Promise<Map<string, DigReply>> {
  const entry = where === 'host' ? [] : await onNetworkOf(where)
  const folder = mkdtempSync(join(tmpdir(), 'berth-dig-'))
  const batch = join(folder, 'batch')
  writeFileSync(batch, questions.map(({ name, type }) => `${name} ${type}\n`).join(''))
  const shown = ['+noall', '+comments', '+question', '+answer', '+authority', '+additional']
  const options = ['+tries=2', '+time=3', server.tcp ? '+tcp' : '+notcp']
  const asked = [
    '-r',
    '-p',
    String(server.port ?? dnsPort),
    `@${server.server}`,
    ...shown,
    ...options,
    '-f',
    batch,
  ]
  const [command, ...rest] = [...entry, 'dig', ...asked] as [string, ...string[]]
  const { stdout } = await run(command, rest, { maxBuffer: 64 << 20 }).catch((error) => {
    if (error.code === 9) return error as { stdout: string }
    throw error
  })
  rmSync(folder, { recursive: true })
  const replies = new Map<string, DigReply>()
  for (const piece of stdout.split(/^;; Got answer:$/m).slice(1)) {
    const [, name, type] = /^;(\S+)\s+IN\s+(\S+)$/m.exec(piece) ?? []
    if (name !== undefined)
      replies.set(keyOf({ name: name.replace(/\.$/, ''), type: type! }), parseDig(piece))
  }
  return replies
}

export const keyOf = ({ name, type }: Asked): string => `${name} ${type}`
