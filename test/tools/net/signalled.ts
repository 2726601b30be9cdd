// Runs inside a network namespace: a line of what its kernel tells, each time it signals that there is something; until a
// line comes on standard input.
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { hearKernel } from '../../../src/net/linux/netlink.ts'
import { createNetlinkSignal, signalsHere } from '../../../src/net/linux/netlink-signal.ts'

const libc = await loadLibc()
const signal = createNetlinkSignal(libc, signalsHere)
signal.onSignal(() => console.log(hear?.() ?? 'deaf'))
const hear = hearKernel(libc, undefined, signal)
process.stdin.once('data', () => {
  signal.stop()
  console.log('stopped')
})
