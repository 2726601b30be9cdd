// The API's socket in the file system: its rights, what is in its way, and what is left when it ends.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createPlainServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRebindableServer } from '../../../src/http/rebindable-server.ts'
import type { HttpServer, Route } from '../../../src/http/server.ts'
import { createHandClock } from '../../hand-clock.ts'
import { recordingLogger } from '../forward/recording-logger.ts'
import { createServer, get } from './asking.ts'

let directory: string
let path: string
const closing: (() => Promise<unknown> | unknown)[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-socket-'))
  path = join(directory, 'api.sock')
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  rmSync(directory, { recursive: true })
})

const routes: Route[] = [{ path: '/', handle: () => ({ status: 200, type: 'text/plain', body: 'here' }) }]

function create(group?: number, at = path): HttpServer {
  const server = createServer(routes, { path: at, group })
  closing.push(() => server.stop())
  return server
}

const isServed = (at = path) =>
  get(at, '/').then(
    ({ body }) => body === 'here',
    () => false,
  )
const modeOf = (at = path) => (lstatSync(at).mode & 0o777).toString(8)

/** Another program's socket. */
async function listenAt(at: string): Promise<Server> {
  const server = createPlainServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(at, resolve))
  return server
}

/** A socket that nobody serves any more, as a process that was killed leaves it. */
async function leaveStale(mode = 0o660) {
  const server = await listenAt(`${path}.bound`)
  renameSync(`${path}.bound`, path)
  await new Promise((resolve) => server.close(resolve))
  chmodSync(path, mode)
}

describe('the socket', () => {
  it.each([0o000, 0o022, 0o077, 0o777])(
    'is for owner and group, whatever the umask is (%i)',
    async (mask) => {
      const before = process.umask(mask)
      try {
        await create().start()
        expect(process.umask()).toBe(mask)
      } finally {
        process.umask(before)
      }
      expect([await isServed(), modeOf()]).toEqual([true, '660'])
      expect(readdirSync(directory)).toEqual(['api.sock'])
    },
  )

  it('is gone when the server stops', async () => {
    const server = create()
    await server.start()
    await server.stop()
    expect(readdirSync(directory)).toEqual([])
  })

  it.runIf(process.getuid?.() === 0)(
    'belongs to the group that is wanted, else to the folder’s where that is so',
    async () => {
      await create(54321).start()
      expect([lstatSync(path).gid, modeOf()]).toEqual([54321, '660'])
      const folder = join(directory, 'shared')
      mkdirSync(folder)
      chownSync(folder, 0, 54322)
      chmodSync(folder, 0o2750)
      await create(undefined, join(folder, 'api.sock')).start()
      expect(lstatSync(join(folder, 'api.sock')).gid).toBe(54322)
    },
  )

  it('takes the place of one of ours that nobody serves any more', async () => {
    await leaveStale()
    expect(await isServed()).toBe(false)
    await create().start()
    expect([await isServed(), modeOf()]).toEqual([true, '660'])
  })

  it('does not take the place of one that is served', async () => {
    const first = create()
    await first.start()
    const second = create()
    await expect(second.start()).rejects.toMatchObject({
      code: 'LISTEN',
      message: `api.socket: ${path} is served by another program (another berth?); stop it, or choose another path`,
    })
    expect(await isServed()).toBe(true)
    await first.stop()
    await second.start()
    expect(await isServed()).toBe(true)
  })
})

describe('what is not ours stays', () => {
  it.each<[what: string, make: () => unknown, says: RegExp]>([
    ['a file', () => writeFileSync(path, 'precious'), /exists and is not a socket; remove it/],
    ['an empty file', () => writeFileSync(path, ''), /is not a socket/],
    ['a folder', () => mkdirSync(path), /is not a socket/],
    ['a link to a file', () => symlinkSync('elsewhere', path), /is not a socket/],
    ['a stale socket with other rights', () => leaveStale(0o755), /berth did not make/],
  ])('%s', async (_, make, says) => {
    await make()
    const { ino } = lstatSync(path)
    await expect(create().start()).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringMatching(says),
    })
    expect(lstatSync(path).ino).toBe(ino)
    expect(readdirSync(directory)).toEqual(['api.sock'])
  })

  it.runIf(process.getuid?.() === 0)('a stale socket of another user', async () => {
    await leaveStale()
    chownSync(path, 12345, 0)
    await expect(create().start()).rejects.toMatchObject({
      message: expect.stringMatching(/did not make, or made as another user/),
    })
    expect(existsSync(path)).toBe(true)
  })

  it('a served socket that a link leads to', async () => {
    const other = await listenAt(join(directory, 'other.sock'))
    closing.push(() => other.close())
    symlinkSync('other.sock', path)
    await expect(create().start()).rejects.toMatchObject({ code: 'LISTEN' })
    expect(readdirSync(directory).sort()).toEqual(['api.sock', 'other.sock'])
  })

  it('what has taken the name while it was served', async () => {
    const server = create()
    await server.start()
    rmSync(path)
    writeFileSync(path, 'precious')
    await server.stop()
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  it('another berth’s socket that has taken the name', async () => {
    const former = create()
    await former.start()
    rmSync(path)
    await create().start()
    await former.stop()
    expect(await isServed()).toBe(true)
  })
})

describe('what can not be had is said', () => {
  it('a folder that is not there', async () => {
    const at = join(directory, 'none', 'api.sock')
    await expect(create(undefined, at).start()).rejects.toMatchObject({
      message: `api.socket: the folder of ${at} does not exist; create it, or set api.socket to another path`,
    })
  })

  it('a folder that is a file', async () => {
    writeFileSync(join(directory, 'file'), '')
    const at = join(directory, 'file', 'api.sock')
    await expect(create(undefined, at).start()).rejects.toMatchObject({ code: 'LISTEN' })
  })

  it('a group that we are not in', async () => {
    chmodSync(directory, 0o777)
    await asNobody(async () => {
      await expect(create(54321).start()).rejects.toMatchObject({
        message: expect.stringMatching(/api\.group/),
      })
      expect(readdirSync(directory)).toEqual([])
    })
  })
})

/** With another user's rights for a while, where we are root. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  if (process.geteuid!() !== 0) return run()
  process.setegid!(65534)
  process.seteuid!(65534)
  try {
    await run()
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
  }
}

describe('a configuration that changes', () => {
  it('moves it, changes its group, takes it away, and waits for what is in the way', async () => {
    const { log, lines } = recordingLogger()
    const hand = createHandClock()
    const server = createRebindableServer({ routes, what: 'the socket', clock: hand.clock, log })
    closing.push(() => server.stop())
    const other = join(directory, 'other.sock')
    await server.serveAt({ path, group: undefined })
    await server.serveAt({ path: other, group: undefined })
    expect([await isServed(), await isServed(other), existsSync(path)]).toEqual([false, true, false])
    await server.serveAt({ path: other, group: process.getgid?.() ?? 0 })
    expect([await isServed(other), lines]).toEqual([true, []])

    writeFileSync(path, 'precious')
    await server.serveAt({ path, group: undefined })
    expect(lines).toMatchObject([
      { level: 'error', still: other, msg: 'the socket cannot move yet, will retry' },
    ])
    expect([await isServed(other), readFileSync(path, 'utf8')]).toEqual([true, 'precious'])
    rmSync(path)
    hand.turn(5_000)
    while (lines.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect([await isServed(), existsSync(other)]).toEqual([true, false])
    await server.serveAt(undefined)
    expect(readdirSync(directory)).toEqual([])
    expect(server.address()).toBeUndefined()
  })
})
