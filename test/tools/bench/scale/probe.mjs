// Loaded into the berth that is measured, before anything of its own: tells over a unix socket what its event loop did
// since it was asked last. `node --import probe.mjs`, PROBE_SOCKET: the socket's path.
import { createServer } from 'node:net'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let before = performance.eventLoopUtilization()
let spent = process.cpuUsage()

createServer((socket) => {
  const now = performance.eventLoopUtilization()
  const { active, idle } = performance.eventLoopUtilization(now, before)
  const longest = delay.max / 1e6
  const { user, system } = process.cpuUsage(spent)
  // Twice: what the first one frees may hold more.
  globalThis.gc?.()
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  socket.on('error', () => {})
  socket.end(JSON.stringify({ active, idle, longest, cpu: (user + system) / 1000, rss, heapUsed }))
  // The collection above is ours.
  delay.reset()
  before = performance.eventLoopUtilization()
  spent = process.cpuUsage()
})
  .listen(process.env.PROBE_SOCKET)
  .unref()
