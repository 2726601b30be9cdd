// Network namespaces for tests that need links and addresses of their own: a sleeping process holds each of them.
import { execFileSync, spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { until } from '../../engine/docker.ts'

export interface Namespace {
  readonly pid: number
  /** The words before a command that make it run there. */
  readonly entry: readonly string[]
  run(...words: string[]): string
  /** `ip` there, once for each line of words. */
  ip(...lines: string[]): void
  /** Ends it, with its links and addresses. */
  close(): void
}

export const isRoot = process.getuid?.() === 0

export async function createNamespace(): Promise<Namespace> {
  const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' })
  const pid = holder.pid!
  const netOf = (process: number | string) => readlinkSync(`/proc/${process}/ns/net`)
  await until(() => netOf(pid) !== netOf('self'), { what: 'a new network namespace' })
  const entry = ['nsenter', `--net=/proc/${pid}/ns/net`]
  const run = (...words: string[]) => execFileSync(entry[0]!, [...entry.slice(1), ...words]).toString()
  const ip = (...lines: string[]) =>
    void execFileSync(entry[0]!, [...entry.slice(1), 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
  ip('link set lo up')
  return { pid, entry, run, ip, close: () => void holder.kill('SIGKILL') }
}

/** A cable: one end named `end` in each namespace, both up. */
export function plug(a: Namespace, endA: string, b: Namespace, endB: string): void {
  a.ip(`link add ${endA} type veth peer name ${endB} netns ${b.pid}`)
  a.ip(`link set ${endA} up`)
  b.ip(`link set ${endB} up`)
}

/** Waits until this IPv6 address, or all there are, have their duplicate checks (RFC 4862) behind them. */
export async function checked(namespace: Namespace, address?: string): Promise<void> {
  const words = ['ip', '-6', 'addr', 'show', 'tentative', ...(address === undefined ? [] : ['to', address])]
  await until(() => namespace.run(...words).trim() === '', {
    what: 'the duplicate checks are over',
    deadlineMs: 20_000,
  })
}

/** What listens on a port there: addresses as `ss` writes them, of "udp" or "tcp". */
export function listeningOn(namespace: Namespace, port: number, kind: 'udp' | 'tcp'): string[] {
  const lines = namespace.run('ss', '-Hln', kind === 'udp' ? '-u' : '-t', `sport = :${port}`).split('\n')
  const addresses = lines.filter(Boolean).map((line) => line.trim().split(/\s+/)[3]!)
  return addresses.map((text) => text.replace(/:\d+$/, '').replace(/[[\]]/g, '')).sort()
}
