// The list of interfaces by system calls: the same as Node's, and gone wrong where the system has none.
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createInterfaceCalls } from '../../../src/net/interface-calls.ts'
import { loadLibc } from '../../../src/net/libc.ts'

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

  it('rejects where the system has none', async () => {
    const withInterfaces = () => Promise.reject(new Error('getifaddrs failed'))
    await expect(createInterfaceCalls({ withInterfaces })()).rejects.toThrow('getifaddrs failed')
  })
})
