// The list of interfaces from its thread is the system's own, and there is one without it too.
import { networkInterfaces } from 'node:os'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { createInterfaceList } from '../../../src/net/interface-list.ts'

it('is what the system has, each time it is asked', async () => {
  const list = createInterfaceList()
  for (let i = 0; i < 3; i++) expect(await list()).toEqual(networkInterfaces())
})

it('is the same object while it is the same list, and has one family alone where no other is wanted', async () => {
  const list = createInterfaceList()
  const first = await list()
  expect(await list()).toBe(first)
  const some = await list('IPv4')
  const families = Object.values(some).flatMap((infos) => infos!.map(({ family }) => family))
  expect(new Set(families)).toEqual(new Set(['IPv4']))
  expect(some.lo).toEqual(networkInterfaces().lo!.filter(({ family }) => family === 'IPv4'))
  expect(await list('IPv4')).toBe(some)
  expect(await list()).toEqual(first)
})

it.each([
  ['can’t be had', undefined],
  ['ends', 'process.exit()'],
  ['has no memory left', 'throw new Error()'],
  ['ends when it is asked', "require('node:worker_threads').parentPort.on('message', () => process.exit())"],
])('is asked for without a thread where that %s, and another one is tried', async (_name, code) => {
  let threads = 0
  const list = createInterfaceList(() => {
    threads++
    if (code === undefined) throw new Error('ERR_WORKER_INIT_FAILED')
    return new Worker(code, { eval: true })
  })
  for (let i = 0; i < 3; i++) expect(await list()).toEqual(networkInterfaces())
  expect(threads).toBe(3)
})

it('is an error where the system has none', async () => {
  const code =
    "const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => parentPort.postMessage(undefined))"
  await expect(createInterfaceList(() => new Worker(code, { eval: true }))()).rejects.toThrow('listed')
})
