// The server as a process: what it says when the engine can't be had, what it serves meanwhile, how it stops.
import { execFile } from 'node:child_process'
import dgram from 'node:dgram'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { encodeQuery, readMessage } from '../../src/dns/message.ts'
import { startEngine } from './docker.ts'
import { freePort, main, serve } from './serve.ts'

const run = promisify(execFile)

/** A server that stops answering questions in the middle of nothing: a socket for each test. */
async function withHttp(port = 0) {
  return { listen: [`127.0.0.1:${await freePort()}`], http: `127.0.0.1:${port || (await freePort())}` }
}

describe('an engine that can not be had is told in one line, in the metrics, and tried again', () => {
  it.each([
    [
      'a wrong path',
      'unix:///nowhere/docker.sock',
      /no socket at \/nowhere\/docker\.sock.*docker\.engines or DOCKER_HOST/,
    ],
    ['a port where nothing listens', 'tcp://127.0.0.1:1', /nothing listens at 127\.0\.0\.1, port 1/],
  ])('%s', async (_, engine, sentence) => {
    const config = await withHttp()
    const serving = serve({ ...config, docker: { engines: [engine] }, forward: { upstreams: [] } })
    await serving.logged('ready')
    const told = serving.lines.filter(({ level }) => level === 'error')
    expect(told).toHaveLength(1)
    expect(String(told[0]!.problem)).toMatch(sentence)
    const metrics = await (await fetch(`http://${config.http}/metrics`)).text()
    expect(metrics).toMatch(/^berth_docker_connected\{.*\} 0$/m)
    expect(metrics).toMatch(/^berth_docker_errors_total\{.*kind="connect".*\} [1-9]/m)
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
  })

  it('a server that is not Docker', async () => {
    const web = http.createServer((_, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1')
    await new Promise((resolve) => web.once('listening', resolve))
    const { port } = web.address() as net.AddressInfo
    const config = await withHttp()
    const serving = serve({
      ...config,
      docker: { engines: [`tcp://127.0.0.1:${port}`] },
      forward: { upstreams: [] },
    })
    await serving.logged('ready')
    const told = serving.lines.filter(({ level }) => level === 'error')
    expect(String(told[0]?.problem)).toMatch(/Docker/)
    expect(serving.child.exitCode).toBeNull()
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
    web.close()
  })

  it.runIf(process.getuid?.() === 0)('a socket without permission', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-closed-'))
    chmodSync(folder, 0o755)
    const path = join(folder, 'docker.sock')
    const closed = net.createServer().listen(path)
    await new Promise((resolve) => closed.once('listening', resolve))
    chmodSync(path, 0o600)
    const config = await withHttp()
    // As the user nobody; the configuration's folder is root's, so it comes by environment.
    const { child, stdout } = await new Promise<{ child: ReturnType<typeof execFile>; stdout: string }>(
      (resolve) => {
        const env = {
          PATH: process.env.PATH,
          BERTH_LISTEN: config.listen[0],
          BERTH_HTTP: 'off',
          DOCKER_HOST: `unix://${path}`,
        }
        let text = ''
        const child = execFile(process.execPath, [main, 'serve'], { env, uid: 65534, gid: 65534 })
        child.stdout!.on('data', (chunk) => {
          text += chunk
          if (text.includes('"ready"')) resolve({ child, stdout: text })
        })
      },
    )
    const told = stdout.split('\n').filter((line) => line.includes('"error"'))
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/permi|allow|access/i)
    child.kill('SIGTERM')
    closed.close()
  })
})

describe('without an engine', () => {
  it('serves hosts: and localhost, over UDP and TCP', async () => {
    const config = await withHttp()
    const serving = serve({
      ...config,
      docker: { engines: ['unix:///nowhere/docker.sock'] },
      hosts: { 'box.example': ['192.0.2.1', '2001:db8::1'] },
      forward: { upstreams: [] },
    })
    await serving.logged('ready')
    const server = ['--server', config.listen[0]!]
    expect(
      (await run(process.execPath, [main, 'query', '--wire', 'box.example', ...server])).stdout,
    ).toContain('192.0.2.1')
    expect(
      (await run(process.execPath, [main, 'query', '--wire', 'box.example', 'AAAA', '--tcp', ...server]))
        .stdout,
    ).toContain('2001:db8::1')
    expect((await run(process.execPath, [main, 'query', '--wire', 'localhost', ...server])).stdout).toContain(
      '127.0.0.1',
    )
    serving.child.kill('SIGINT')
    expect(await serving.exited).toBe(0)
  })

  it('answers what is open with SERVFAIL when it is stopped, and does not wait for its upstream', async () => {
    const silent = dgram.createSocket('udp4')
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
    const config = await withHttp()
    const serving = serve({
      ...config,
      docker: { engines: [] },
      forward: { upstreams: [`127.0.0.1:${silent.address().port}`], timeout: '60s' },
    })
    await serving.logged('ready')
    const asker = dgram.createSocket('udp4')
    const arrived = new Promise((resolve) => silent.once('message', resolve))
    const replied = new Promise<Buffer>((resolve) => asker.once('message', resolve))
    asker.send(
      encodeQuery('open.example', 'A', { id: 7 }),
      Number(config.listen[0]!.split(':')[1]),
      '127.0.0.1',
    )
    await arrived
    serving.child.kill('SIGTERM')
    // Its upstream has a minute.
    const late = new AbortController()
    const first = await Promise.race([serving.exited, sleep(50_000, 'late', { signal: late.signal })])
    late.abort()
    expect(first).toBe(0)
    expect(readMessage(await replied)).toMatchObject({ id: 7, rcode: 2 })
    asker.close()
    silent.close()
  })

  it('goes on, and still stops, when nobody reads its log any more', async () => {
    const config = await withHttp()
    const serving = serve({ ...config, docker: { engines: [] }, forward: { upstreams: [] } })
    await serving.logged('ready')
    serving.child.stdout!.destroy()
    // Each writes a line into the closed pipe.
    for (let i = 0; i < 3; i++) serving.child.kill('SIGHUP')
    const asked = await run(process.execPath, [
      main,
      'query',
      '--wire',
      'localhost',
      '--server',
      config.listen[0]!,
    ])
    expect(asked.stdout).toContain('127.0.0.1')
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
  })

  it('never asks itself: its own address as upstream is left out', async () => {
    const config = await withHttp()
    const serving = serve({ ...config, docker: { engines: [] }, forward: { upstreams: config.listen } })
    await serving.logged('ready')
    const { stdout } = await run(process.execPath, [
      main,
      'query',
      '--wire',
      'loop.example',
      '--server',
      config.listen[0]!,
    ])
    expect(stdout).toMatch(/^SERVFAIL/)
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
  })
})

describe('a signal that comes early ends it in order', () => {
  /** Node's options that have it send itself this as soon as the command is loaded: before any of it runs. */
  const signalledWhileLoading = (signal: NodeJS.Signals) => {
    const file = join(mkdtempSync(join(tmpdir(), 'berth-early-')), 'hook.cjs')
    writeFileSync(
      file,
      `const { Module } = require('node:module')
      const { require: plain } = Module.prototype
      Module.prototype.require = function (id) {
        if (id.endsWith('/serve.js')) process.kill(process.pid, '${signal}')
        return plain.call(this, id)
      }`,
    )
    return ['--require', file]
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('%s while it is being loaded', async (signal) => {
    const config = { ...(await withHttp()), docker: { engines: [] }, forward: { upstreams: [] } }
    const serving = serve(config, { node: signalledWhileLoading(signal) })
    expect(await serving.exited).toBe(0)
    expect(serving.lines.slice(-2)).toMatchObject([{ msg: 'stopping', signal }, { msg: 'stopped' }])
  })

  it('SIGHUP while it is being loaded, which ends nothing: the configuration is yet to be read', async () => {
    const config = { ...(await withHttp()), docker: { engines: [] }, forward: { upstreams: [] } }
    const serving = serve(config, { node: signalledWhileLoading('SIGHUP') })
    await serving.logged('ready')
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
  })

  it('SIGTERM while an engine does not answer', async () => {
    const engine = await startEngine('held', '10.9.0.1')
    engine.hold()
    const config = { ...(await withHttp()), docker: { engines: [engine.url] }, forward: { upstreams: [] } }
    const serving = serve(config)
    await vi.waitUntil(() => engine.asked.length > 0, { timeout: 60_000 })
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
    expect(serving.lines.slice(-2)).toMatchObject([{ msg: 'stopping' }, { msg: 'stopped' }])
    expect(serving.lines.map(({ msg }) => msg)).not.toContain('ready')
    engine.close()
  })
})

describe('bad arguments', () => {
  it.each([
    ['an unknown command', ['sreve'], /unknown command 'sreve'/],
    ['a bad value', ['serve', '--listen=nowhere'], /listen/],
    ['an unknown option', ['serve', '--lisen=127.0.0.1:53'], /did you mean/],
    ['a missing file', ['serve', '--config', '/nowhere.yml'], /\/nowhere\.yml/],
  ])('%s: exit 2, and a sentence', async (_, args, sentence) => {
    const failed = await run(process.execPath, [main, ...args]).catch((error) => error)
    expect(failed.code).toBe(2)
    expect(failed.stderr).toMatch(sentence)
  })

  it('an address that is taken: exit 1, and the sentence names it', async () => {
    const taken = dgram.createSocket('udp4')
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve))
    const { port } = taken.address()
    const serving = serve({ listen: [`127.0.0.1:${port}`], http: false, docker: { engines: [] } })
    expect(await serving.exited).toBe(1)
    expect(JSON.stringify(serving.lines)).toContain(`127.0.0.1 port ${port} is in use`)
    taken.close()
  })

  it.each(['serve', 'check', 'names', 'query'])('berth %s --help tells how', async (command) => {
    const { stdout } = await run(process.execPath, [main, command, '--help'])
    expect(stdout).toMatch(/--help/)
  })
})
