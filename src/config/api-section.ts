// The `api:` section of the configuration: how clients get the host's view over HTTP, and which Host headers are accepted.
import { resolve } from 'node:path'
import * as z from 'zod'
import { digestOf, readToken } from './api-token.ts'
import type { Path, Problem } from './document.ts'
import { type Fixed, field, textList } from './fields.ts'
import { readPath, socketExample, tokenExample } from './settings.ts'
import { parseName } from './text-values.ts'
import { type Issues, kindOf, refuse } from './yaml-values.ts'

export const apiSection = z
  .strictObject({
    /**
     * A unix socket that serves the same as `http`, with the host's view: a path relative to this file. "off" or false
     * for none. Default: off.
     */
    socket: field((value, issues) => readPath(value, issues, socketExample)).prefault('off'),
    /** The group that may use the socket: a name or a number. Default: the process's, or that of a setgid directory. */
    group: field(readGroup).prefault(''),
    /**
     * A file with a token, relative to this file; if set, the host's view over TCP requires
     * "Authorization: Bearer TOKEN". "off" or false for none. Default: off.
     */
    token: field((value, issues) => readPath(value, issues, tokenExample)).prefault('off'),
    /** More names to accept in the Host header. A list of domain names. Default: none. */
    hosts: textList(parseName, '"berth.example"').prefault([]),
  })
  .prefault({})

/** A token's file and digest; nothing that could be sent. */
export interface ApiToken {
  /** Absolute. */
  readonly file: string
  /** SHA-256, hex. */
  readonly digest: string
  readonly length: number
  /** The file's permission bits. */
  readonly mode: number
}

/** The section after the group and the token's file have been read. */
export interface ApiConfig extends Fixed<Omit<z.output<typeof apiSection>, 'group' | 'token'>> {
  /** The socket's group ID; undefined: as the system sets it. */
  readonly group: number | undefined
  /** Required for the host's view over TCP; undefined: no token is. */
  readonly token: ApiToken | undefined
}

/** A unix socket's address has 107 bytes, and the socket has a longer name while it is being made. */
const mostPathBytes = 92

function readGroup(value: unknown, issues: Issues): string {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') {
    return refuse(issues, `must be a group name or number, not ${kindOf(value)}; for example "docker"`)
  }
  return text
}

export interface ApiReading {
  /** Where relative paths start. */
  readonly directory: string
  /** The text of /etc/group; throws if there is none. */
  readonly groups: () => string
  readonly problem: (message: string, path: Path) => Problem
}

export function readApi(
  written: z.output<typeof apiSection>,
  { directory, groups, problem }: ApiReading,
): { api: ApiConfig; problems: Problem[] } {
  const problems: Problem[] = []
  const report = (key: string, message: string) => void problems.push(problem(message, ['api', key]))
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(directory, path))

  const socket = absolute(written.socket)
  if (socket !== undefined && Buffer.byteLength(socket) > mostPathBytes) {
    report('socket', `has ${Buffer.byteLength(socket)} bytes; a socket’s path has at most ${mostPathBytes}`)
  }
  const group = written.group === '' ? undefined : groupNumber(written.group, groups)
  if (typeof group === 'string') report('group', group)

  const file = absolute(written.token)
  const read = file === undefined ? undefined : readToken(file)
  if (read !== undefined && 'problem' in read) report('token', read.problem)
  return {
    problems,
    api: {
      socket,
      group: typeof group === 'number' ? group : undefined,
      token:
        file === undefined || read === undefined || 'problem' in read
          ? undefined
          : { file, digest: digestOf(read.text), length: read.text.length, mode: read.mode },
      hosts: written.hosts,
    },
  }
}

/** The group's ID, or what is wrong. Groups that are not in /etc/group (LDAP) are written as numbers. */
function groupNumber(group: string, groups: () => string): number | string {
  if (/^\d{1,9}$/.test(group)) return Number(group)
  let text = ''
  try {
    text = groups()
  } catch {
    // No group is known by name then.
  }
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':')
    if (name === group && /^\d+$/.test(id ?? '')) return Number(id)
  }
  return `no group "${group}" in /etc/group; create it (groupadd ${group}), or write a group number`
}

export function apiWarnings({ token }: ApiConfig): string[] {
  if (token === undefined) return []
  const warnings: string[] = []
  const { file, mode, length } = token
  if ((mode & 0o027) !== 0) {
    const octal = mode.toString(8).padStart(3, '0')
    warnings.push(`api.token: other users can read or change ${file} (mode ${octal}); run chmod 640 ${file}`)
  }
  if (length < 16) {
    warnings.push(
      `api.token: the token in ${file} has ${length} characters and can be guessed; make one with openssl rand -hex 32`,
    )
  }
  return warnings
}
