// The list of interfaces by system calls: the same as Node's, and gone wrong where the system has none.
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createInterfaceCalls } from '../../../../src/net/linux/getifaddrs.ts'
import { loadLibc, type Memory } from '../../../../src/net/linux/libc.ts'

/** Node's, as far as it is read. */
function listed(only?: 'IPv4') {
  return Object.fromEntries(
    Object.entries(networkInterfaces()).flatMap(([name, infos]) => {
      const own = infos!
        .filter(({ family }) => only === undefined || family === only)
        .map((info) => {
          const { address, family, cidr } = info
          return { address, family, cidr, ...(info.family === 'IPv6' ? { scopeid: info.scopeid } : {}) }
        })
      return own.length === 0 ? [] : [[name, own]]
    }),
  )
}

/** The list as the system has it, an address for each: records at 1 and up, their addresses from 1000 on. */
function createMemory(names: readonly string[]): Memory {
  return {
    bytes(at, length) {
      const bytes = Buffer.alloc(length)
      if (at >= 1000n) {
        bytes.writeUInt16LE(2, 0)
        if (length >= 8) bytes.set([10, 7, 0, Number(at) - 1000], 4)
        return bytes
      }
      bytes.writeBigUInt64LE(at < names.length ? at + 1n : 0n, 0)
      bytes.writeBigUInt64LE(at, 8)
      bytes.writeUInt32LE(0x41, 16)
      bytes.writeBigUInt64LE(1000n + at, 24)
      return bytes
    },
    text: (at) => names[Number(at) - 1]!,
  }
}

describe.runIf(process.platform === 'linux')('the list of interfaces', () => {
  it("is Node's", async () => {
    const list = createInterfaceCalls(await loadLibc())
    expect(await list()).toEqual(listed())
    expect(Object.keys(await list())).toContain('lo')
    expect(await list('IPv4')).toEqual(listed('IPv4'))
  })

  it('is the same object as long as it is the same list', async () => {
    const list = createInterfaceCalls(await loadLibc())
    const first = await list()
    expect(await list()).toBe(first)
    expect(await list('IPv4')).not.toBe(first)
  })

  it('has interfaces of any name', async () => {
    const memory = createMemory(['constructor', '__proto__', 'toString', 'eth0', 'eth0'])
    const told = await createInterfaceCalls({ withInterfaces: async (read) => read(1n, memory) })()
    expect(Object.keys(told)).toEqual(['constructor', '__proto__', 'toString', 'eth0'])
    expect(Object.values(told).map((infos) => infos!.length)).toEqual([1, 1, 1, 2])
  })

  it('rejects where the system has none', async () => {
    const withInterfaces = () => Promise.reject(new Error('getifaddrs failed'))
    await expect(createInterfaceCalls({ withInterfaces })()).rejects.toThrow('getifaddrs failed')
  })
})
