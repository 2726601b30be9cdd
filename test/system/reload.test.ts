// The configuration changes while the process serves: by SIGHUP, by its file, for the better and for the worse.
import { execFileSync, spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { StringAnswer } from 'dns-packet'
import { afterEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { frame, readFrames } from '../../src/dns/frame.ts'
import { flagsOf } from '../../src/dns/header.ts'
import { encodeQuery, readMessage } from '../../src/dns/message.ts'
import { readQuestion } from '../../src/dns/name.ts'
import { ask } from '../tools/servers/client.ts'
import { startScripted } from '../tools/servers/scripted.ts'
import { honestReply } from '../wire/world.ts'
import { startEngine } from './docker.ts'
import { freePort, main, type Serving, serve } from './serve.ts'

const running: Serving[] = []
afterEach(async () => {
  for (const { child, exited } of running.splice(0)) {
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  }
})

/** A server that asks nobody, but for what a test says. */
async function start(changes: object = {}, listening?: readonly string[]) {
  const port = await freePort()
  const web = await freePort()
  let config: Record<string, unknown> = {
    ...{ listen: listening ?? [`127.0.0.1:${port}`], http: `127.0.0.1:${web}` },
    ...{ docker: { engines: [] }, forward: { upstreams: [] } },
    hosts: { 'box.example': '192.0.2.1' },
    ...changes,
  }
  const serving = serve(config)
  running.push(serving)
  await serving.logged('ready')
  /** Writes the file with these changes, by rename. */
  const write = (next: object) => {
    config = { ...config, ...next }
    replace(serving.file, stringify(config))
  }
  const reloads = () =>
    serving.lines.filter(({ msg }) => /^configuration (reloaded|refused)/.test(String(msg)))
  return {
    ...{ serving, port, web },
    /** The same, and a signal; resolves with what the log says of it. */
    async reload(next: object = {}) {
      write(next)
      const before = reloads().length
      serving.child.kill('SIGHUP')
      await until(
        () => reloads().length > before,
        () => JSON.stringify(serving.lines),
      )
      return reloads()[before]!
    },
    reloads,
    metrics: async (at = web) => (await fetch(`http://127.0.0.1:${at}/metrics`)).text(),
  }
}

/** '' where it is gone. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

async function until(holds: () => boolean | Promise<boolean>, shown = () => ''): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`did not come true within 60 s ${shown()}`)
    await wait(20)
  }
}

const addresses = async (port: number, name: string, tcp = false) => {
  const { packet } = await ask(port, name, 'A', { tcp })
  return (packet.answers as StringAnswer[]).map(({ data }) => data)
}

/** The kernel's number of the UDP socket at this port of 127.0.0.1. */
function socketAt(port: number): string | undefined {
  const at = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const line = readFileSync('/proc/net/udp', 'latin1')
    .split('\n')
    .find((each) => each.includes(at))
  return line?.trim().split(/\s+/)[9]
}

describe('SIGHUP', () => {
  it('what was changed holds for the next question, and the log tells what it is', async () => {
    const { port, reload } = await start()
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.1'])
    const told = await reload({
      ...{ hosts: { 'box.example': '192.0.2.2' }, ttl: 7 },
      ...{ log: { level: 'debug' }, zone: 'test.internal', identity: { id: 'one' } },
    })
    expect(told).toMatchObject({
      ...{ level: 'info', cause: 'SIGHUP', msg: 'configuration reloaded' },
      changed: ['zone', 'ttl', 'hosts', 'identity.id', 'log.level'],
    })
    const { packet } = await ask(port, 'box.example', 'A')
    expect(packet.answers).toMatchObject([{ data: '192.0.2.2', ttl: 7 }])
    expect(await reload()).toMatchObject({ level: 'info', msg: 'configuration reloaded, nothing changed' })
  })

  it('a file that is wrong is refused and named, and what was in force stays so', async () => {
    const { serving, port, reload, reloads, metrics } = await start()
    const told = await reload({ ttl: 'soon', hosts: { 'box.example': '192.0.2.2' } })
    expect(told).toMatchObject({ level: 'error', cause: 'SIGHUP' })
    expect(told.problems).toHaveLength(1)
    expect((told.problems as string[])[0]).toMatch(
      new RegExp(`^${serving.file}:\\d+:\\d+: ttl: must be a whole number of seconds from 0 to 86400$`),
    )
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.1'])
    expect(await metrics()).toMatch(/^berth_config_reloads_total\{result="refused"\} 1$/m)
    expect(await metrics()).toMatch(/^berth_config_last_reload_success 0$/m)
    await reload({ ttl: 1 })
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.2'])
    expect(await metrics()).toMatch(/^berth_config_last_reload_success 1$/m)
    expect(reloads()).toHaveLength(2)
  })

  it('two at once are done one after the other', async () => {
    const { serving, port, reload, reloads } = await start()
    serving.child.kill('SIGHUP')
    await reload({ hosts: { 'box.example': '192.0.2.3' } })
    await until(() => reloads().some(({ changed }) => String(changed) === 'hosts'))
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.3'])
  })
})

describe('forward.servers', () => {
  it.each([1, 2])(
    'holds from the next question on in %i processes: EDNS and AD are left out, and come back',
    async (workers) => {
      const server = await startScripted(({ message, send }) => void send(honestReply(message)))
      const { port, reload } = await start({ workers, forward: { upstreams: [server.address] } })
      let names = 0
      /** How each of several questions, which reach every process, is asked upstream: flags, and whether with OPT. */
      const forms = async () => {
        const name = `n${names++}`
        for (let i = 0; i < 12; i++) await ask(port, `www.${name}-${i}.example`, 'A')
        const asked = server.asked.filter(({ message }) => readQuestion(message)!.name.includes(`.${name}-`))
        return new Set(
          asked.map(({ message }) => `${flagsOf(message).toString(16)} ${message.readUInt16BE(10)}`),
        )
      }
      expect(await forms()).toEqual(new Set(['120 1']))
      const changes = [
        [{ edns: false }, '120 0'],
        [{ ad: false }, '100 1'],
        [{ edns: false, ad: false }, '100 0'],
      ] as const
      for (const [servers, form] of changes) {
        const forward = { upstreams: [server.address], servers: { [server.address]: servers } }
        expect(await reload({ forward })).toMatchObject({ changed: ['forward.servers'] })
        expect(await forms()).toEqual(new Set([form]))
      }
      await reload({ forward: { upstreams: [server.address] } })
      expect(await forms()).toEqual(new Set(['120 1']))
      await server.stop()
    },
  )
})

describe('a file that is too much for who reads it', () => {
  it('is refused, however often, and questions are answered on', async () => {
    const { serving, port, reloads } = await start()
    writeFileSync(serving.file, '['.repeat(3000))
    for (let i = 1; i <= 8; i++) {
      serving.child.kill('SIGHUP')
      await until(() => reloads().length >= i)
    }
    expect(reloads().map(({ problems }) => problems)).toEqual(
      reloads().map(() => [expect.stringMatching(/berth\.yml:1:33: more than 32 levels of lists and maps/)]),
    )
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.1'])
  })

  it('at start ends it with 2, and file, line and reason', async () => {
    for (const text of ['['.repeat(3000), `ttl: 1\nhosts: ${'{a: '.repeat(3000)}`]) {
      const folder = mkdtempSync(join(tmpdir(), 'berth-deep-'))
      writeFileSync(join(folder, 'berth.yml'), text)
      const { status, stderr } = spawnSync(process.execPath, [
        main,
        'serve',
        '--config',
        join(folder, 'berth.yml'),
      ])
      expect(status).toBe(2)
      expect(String(stderr)).toMatch(/^\S+berth\.yml:\d+:\d+: more than 32 levels of lists and maps/)
    }
  })

  it('may end that process: the change is refused', async () => {
    const { serving, port, reloads } = await start()
    // To read this takes it seconds.
    const hosts = Array.from({ length: 100_000 }, (_, i) => `  h${i}.example: 192.0.2.7`)
    replace(serving.file, ['hosts:', ...hosts].join('\n'))
    serving.child.kill('SIGHUP')
    const reader = () =>
      readFileSync(`/proc/${serving.child.pid}/task/${serving.child.pid}/children`, 'utf8').trim()
    await until(() => /^\d+$/.test(reader()) && commandOf(reader()).includes('reader'))
    process.kill(Number(reader()), 'SIGKILL')
    await until(() => reloads().length === 1)
    expect(reloads()).toMatchObject([
      {
        level: 'error',
        problems: [expect.stringMatching(/the process reading it ended: it was killed by SIGKILL/)],
      },
    ])
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.1'])
  })
})

describe('a pipe', () => {
  it('is not waited for: the change is refused, and the next one is read', async () => {
    const { serving, reload, reloads } = await start()
    execFileSync('mkfifo', [join(dirname(serving.file), 'ca.pem')])
    const text = readFileSync(serving.file, 'utf8')
    const engine = { url: 'tcp://127.0.0.1:1', ca: 'ca.pem' }
    replace(serving.file, stringify({ docker: { engines: [engine] } }))
    serving.child.kill('SIGHUP')
    await until(() => reloads().length === 1)
    expect(reloads()).toMatchObject([
      {
        level: 'error',
        problems: [expect.stringMatching(/ca\.pem: cannot be read: it is not a regular file/)],
      },
    ])
    replace(serving.file, text)
    await reload({ hosts: { 'box.example': '192.0.2.8' } })
  })
})

describe('long lists', () => {
  it('reach every process that answers', async () => {
    const { port, reload } = await start({ workers: 2 })
    const hosts = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}.example`, '192.0.2.7']))
    await reload({ hosts, forward: { upstreams: [], zones: {} } })
    // Each question comes from another port: about half of them go to each.
    for (let i = 0; i < 20; i++) expect(await addresses(port, `h${i * 50}.example`)).toEqual(['192.0.2.7'])
    await reload({ hosts: { 'box.example': '192.0.2.8' } })
    for (let i = 0; i < 20; i++) expect(await addresses(port, 'box.example')).toEqual(['192.0.2.8'])
  })
})

describe('a changed file', () => {
  it('is noticed without a signal, also behind a symbolic link', async () => {
    const { serving, port, reloads } = await start()
    const folder = dirname(serving.file)
    // As Kubernetes does it: file → ..data/file, ..data → the folder of the day.
    const text = readFileSync(serving.file, 'utf8').replace('192.0.2.1', '192.0.2.6')
    mkdirSync(join(folder, 'day'))
    writeFileSync(join(folder, 'day', 'berth.yml'), text)
    symlinkSync('day', join(folder, '..data'))
    symlinkSync('..data/berth.yml', `${serving.file}.link`)
    renameSync(`${serving.file}.link`, serving.file)
    await until(async () => (await addresses(port, 'box.example'))[0] === '192.0.2.6')
    await until(() => reloads().length > 0)
    expect(reloads()).toMatchObject([{ cause: 'file', changed: ['hosts'] }])
  })
})

describe('listen', () => {
  it('addresses come and go, and those that stay are not touched: no question is lost', async () => {
    const [stays, goes, comes] = [await freePort(), await freePort(), await freePort()]
    const { reload } = await start({}, [`127.0.0.1:${stays}`, `127.0.0.1:${goes}`])
    const socket = socketAt(stays)
    expect(socket).toBeDefined()
    const stream = net.connect(stays, '127.0.0.1')
    await once(stream, 'connect')

    const asker = dgram.createSocket('udp4')
    const answered = new Set<number>()
    asker.on('message', (bytes) => answered.add(bytes.readUInt16BE()))
    let sent = 0
    const asking = setInterval(() => {
      const query = encodeQuery('box.example', 'A', { id: sent++ })
      asker.send(query, stays, '127.0.0.1')
    }, 2)
    await until(() => answered.size > 50)
    const told = await reload({ listen: [`127.0.0.1:${stays}`, `127.0.0.1:${comes}`], ttl: 3 })
    expect(told.changed).toEqual(['listen', 'ttl'])
    await reload({ ttl: 'wrong' })
    await reload({ ttl: 4, limits: { rate: 0 } })
    const before = answered.size
    await until(() => answered.size > before + 50)
    clearInterval(asking)
    await until(
      () => answered.size === sent,
      () => `${sent} sent, ${answered.size} answered`,
    )
    asker.close()

    expect(socketAt(stays)).toBe(socket)
    const frames = readFrames()
    stream.write(frame(encodeQuery('box.example', 'A', { id: 1 })))
    const [chunk] = await once(stream, 'data')
    expect(readMessage(frames.push(chunk)[0]!).answers).toHaveLength(1)
    stream.destroy()
    for (const tcp of [false, true]) expect(await addresses(comes, 'box.example', tcp)).toEqual(['192.0.2.1'])
    await until(() => socketAt(goes) === undefined)
    await expect(ask(goes, 'box.example', 'A', { tcp: true })).rejects.toThrow(/ECONNREFUSED/)
  })

  it('where an address is given up, what is in hand is answered first', async () => {
    const upstream = dgram.createSocket('udp4')
    upstream.bind(0, '127.0.0.1')
    await once(upstream, 'listening')
    const arrived = new Promise<[Buffer, dgram.RemoteInfo]>((resolve) =>
      upstream.on('message', (query, from) => {
        if (query.includes('late')) resolve([query, from])
      }),
    )
    const [stays, goes] = [await freePort(), await freePort()]
    const { serving, reload } = await start(
      { forward: { upstreams: [`127.0.0.1:${upstream.address().port}`] } },
      [`127.0.0.1:${stays}`, `127.0.0.1:${goes}`],
    )
    const answer = ask(goes, 'late.example.org', 'A')
    const [query, from] = await arrived
    const reply = Buffer.from(query)
    reply.writeUInt16BE(0x8183, 2)
    // At once: what is in hand has 1.5 s.
    const left = serving
      .logged('no longer listening')
      .then(() => upstream.send(reply, from.port, from.address))
    await reload({ listen: [`127.0.0.1:${stays}`] })
    await left
    expect((await answer).rcode).toBe(3)
    await until(() => socketAt(goes) === undefined)
    upstream.close()
  })

  it('an address that is taken is tried again, and the former one goes on until then', async () => {
    const next = await freePort()
    const taken = dgram.createSocket('udp4')
    taken.bind(next, '127.0.0.1')
    await once(taken, 'listening')
    const { serving, port, reload } = await start()
    await reload({ listen: [`127.0.0.1:${next}`] })
    expect(String((await serving.logged('cannot listen, will retry')).why)).toContain(`port ${next}`)
    expect(await addresses(port, 'box.example')).toEqual(['192.0.2.1'])
    taken.close()
    await serving.logged('no longer listening')
    expect(await addresses(next, 'box.example')).toEqual(['192.0.2.1'])
  })
})

describe('http', () => {
  it('moves, is turned off and on again, and counts on', async () => {
    const { port, web, reload, metrics } = await start()
    await addresses(port, 'box.example')
    const counted = /^berth_dns_requests_total\{.*\} 1$/m
    expect(await metrics()).toMatch(counted)
    const next = await freePort()
    await reload({ http: `127.0.0.1:${next}` })
    expect(await metrics(next)).toMatch(counted)
    await expect(metrics(web)).rejects.toThrow()
    await reload({ http: 'off' })
    await expect(metrics(next)).rejects.toThrow()
    await reload({ http: `127.0.0.1:${web}` })
    expect(await metrics()).toMatch(counted)
  })
})

describe('docker.engines', () => {
  it('are local or remote from the start', async () => {
    const [one, two] = [await startEngine('one', '10.9.0.1'), await startEngine('two', '10.9.0.2')]
    const engines = [
      { name: 'a', url: one.url, local: false },
      { name: 'b', url: two.url },
    ]
    const { port } = await start({ docker: { engines } })
    expect(await addresses(port, 'one.docker.internal')).toEqual([])
    expect(await addresses(port, 'two.docker.internal')).toEqual(['10.9.0.2'])
    one.close()
    two.close()
  })

  it('new ones are followed, gone ones leave the table, and those that stay keep their connection', async () => {
    const [one, two] = [await startEngine('one', '10.9.0.1'), await startEngine('two', '10.9.0.2')]
    const { port, reload, metrics } = await start({ docker: { engines: [{ name: 'a', url: one.url }] } })
    const names = async () => [
      ...(await addresses(port, 'one.docker.internal')),
      ...(await addresses(port, 'two.docker.internal')),
    ]
    expect(await names()).toEqual(['10.9.0.1'])
    const opened = () => one.asked.filter((path) => path === '/events').length
    const before = opened()
    const both = [
      { name: 'a', url: one.url },
      { name: 'b', url: two.url },
    ]
    expect((await reload({ docker: { engines: both } })).changed).toEqual(['docker.engines'])
    expect(await names()).toEqual(['10.9.0.1', '10.9.0.2'])
    expect(await metrics()).toMatch(/^berth_docker_connected\{engine="b"\} 1$/m)
    await reload({ docker: { engines: both.slice(0, 1) } })
    expect(await names()).toEqual(['10.9.0.1'])
    expect(await metrics()).not.toContain('engine="b"')
    expect(one.asked.filter((path) => path === '/version')).toHaveLength(1)
    expect(opened()).toBeGreaterThanOrEqual(before)

    // Another address of the same name: its names stay until they can be read there.
    two.hold()
    const heard = two.asked.length
    const moved = reload({ docker: { engines: [{ name: 'a', url: two.url }] } })
    await until(() => two.asked.length > heard)
    expect(await names()).toEqual(['10.9.0.1'])
    two.release()
    await moved
    expect(await names()).toEqual(['10.9.0.2'])

    // Which of them is local may change as well, and nothing is connected anew for it.
    const asked = () => [one, two].map(({ asked }) => asked.filter((path) => path === '/version').length)
    const engines = (local: boolean) => [
      { name: 'a', url: two.url, local },
      { name: 'b', url: one.url },
    ]
    await reload({ docker: { engines: engines(true) } })
    expect(await names()).toEqual(['10.9.0.1', '10.9.0.2'])
    const connected = asked()
    await reload({ docker: { engines: engines(false) } })
    expect(await names()).toEqual(['10.9.0.1'])
    await reload({ docker: { engines: engines(true) } })
    expect(await names()).toEqual(['10.9.0.1', '10.9.0.2'])
    expect(asked()).toEqual(connected)

    // Without a name of their own they are called by their address: one goes as the other comes.
    await reload({ docker: { engines: [one.url] } })
    expect(await names()).toEqual(['10.9.0.1'])
    const lists = () => one.asked.filter((path) => path === '/containers/json').length
    const listed = lists()
    await reload({ docker: { engines: [one.url], resync: '1s' } })
    await until(() => lists() > listed + 1)
    one.close()
    two.close()
  })
})
