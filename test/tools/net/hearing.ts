// Runs inside a network namespace: for each line on standard input, a line of what its kernel has told since the last.
import { createInterface } from 'node:readline'
import { loadLibc } from '../../../src/net/linux/libc.ts'
import { hearKernel } from '../../../src/net/linux/netlink.ts'

const hear = hearKernel(await loadLibc())
for await (const _ of createInterface({ input: process.stdin })) console.log(hear?.() ?? 'deaf')
