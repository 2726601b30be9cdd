// The usual places of engines' sockets: their order, and which one is taken.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { findSocket, type UsualSocket, usualSockets } from '../../../../src/docker/sync/usual-sockets.ts'

const folder = mkdtempSync(join(tmpdir(), 'berth-places-'))
const id = process.getuid?.()
const servers: Server[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))))
afterAll(() => rmSync(folder, { recursive: true }))

async function listen(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const server = createServer((socket) => socket.destroy())
  servers.push(server)
  await new Promise<void>((done) => server.listen(path, done))
}

const pathsOf = (env: Record<string, string>, user: number | undefined = 1000) =>
  usualSockets({ id: user, env }).map(({ path }) => path)

describe('the usual places', () => {
  it('are Docker’s before Podman’s, the machine’s before the user’s', () => {
    expect(pathsOf({ HOME: '/h', XDG_RUNTIME_DIR: '/x' })).toEqual([
      ...['/var/run/docker.sock', '/x/docker.sock'],
      ...['/h/.docker/run/docker.sock', '/h/.docker/desktop/docker.sock', '/h/.orbstack/run/docker.sock'],
      ...['/h/.colima/default/docker.sock', '/h/.config/colima/default/docker.sock', '/h/.rd/docker.sock'],
      ...['/h/.lima/docker/sock/docker.sock', '/h/.lima/default/sock/docker.sock'],
      ...['/run/podman/podman.sock', '/x/podman/podman.sock'],
      '/h/.local/share/containers/podman/machine/podman.sock',
    ])
  })

  it('are of the user’s runtime folder though no variable names it', () => {
    expect(pathsOf({})).toEqual([
      ...['/var/run/docker.sock', '/run/user/1000/docker.sock'],
      ...['/run/podman/podman.sock', '/run/user/1000/podman/podman.sock'],
    ])
    expect(usualSockets({ id: undefined, env: {} })).toHaveLength(2)
  })
})

describe('the place that is taken', () => {
  const at = (name: string, isOwn = false): UsualSocket => ({ path: join(folder, name), isOwn })

  it('is the first that takes a connection', async () => {
    const [gone, file, stale, first, second] = ['gone', 'file', 'stale', 'first', 'second'].map((name) =>
      at(name),
    )
    writeFileSync(file!.path, '')
    await listen(first!.path)
    await listen(second!.path)
    leaveBehind(stale!.path)
    const all = [gone!, file!, stale!, first!, second!]
    expect(await findSocket(all, id)).toBe(first!.path)
    expect(await findSocket(all.toReversed(), id)).toBe(second!.path)
    expect(await findSocket([gone!, file!, stale!], id)).toBeUndefined()
  })

  it('is no socket of another user’s among the user’s own places', async () => {
    const [own, ofAll] = [at('users.sock', true), at('users.sock')]
    await listen(own.path)
    expect(await findSocket([own], id)).toBe(own.path)
    const another = (id ?? 0) + 1
    expect(await findSocket([own], another)).toBeUndefined()
    expect(await findSocket([ofAll], another)).toBe(ofAll.path)
  })
})

/** A socket’s file whose server is gone. */
function leaveBehind(path: string) {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
  expect(existsSync(path)).toBe(true)
}
