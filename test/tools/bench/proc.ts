// What a process and its children have cost so far, from /proc.
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of /proc/PID/stat in a second: Linux says 100 to all programs (proc(5), sysconf(3)). */
const ticks = 100

/**
 * CPU time of a process so far, µs: of its threads and of its children, and of children that have ended.
 * Threads that have ended are missing, which servers' don't.
 */
export function cpuOf(pid: number): number {
  const list = [pid, ...childrenOf(pid)]
  const running = list.flatMap((each) =>
    threadsOf(each).map((thread) => read(`${each}/task/${thread}/schedstat`)),
  )
  const ended = list.map((each) => endedChildren(read(`${each}/stat`)))
  return sum(running.map(runTime)) + sum(ended)
}

/** The most memory a process ever had, bytes; its children share theirs with it. */
export function memoryOf(pid: number): number {
  return peakMemory(read(`${pid}/status`))
}

/** schedstat: ns on a processor, ns waiting for one, turns. Gives µs. */
export function runTime(schedstat: string): number {
  return Number(schedstat.split(' ')[0] ?? 0) / 1000
}

/** cutime and cstime of /proc/PID/stat, µs. The command's name, in brackets, may hold anything. */
export function endedChildren(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * 1e6) / ticks
}

/** VmHWM of /proc/PID/status, bytes. */
export function peakMemory(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

function childrenOf(pid: number): number[] {
  const own = threadsOf(pid).flatMap((thread) => read(`${pid}/task/${thread}/children`).split(' '))
  return own.filter(Boolean).flatMap((child) => [Number(child), ...childrenOf(Number(child))])
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Empty where the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return ''
  }
}

const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0)
