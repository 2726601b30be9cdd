// Several processes at the same addresses: each answers as the others do, and one that dies takes nothing with it.
import { execFile } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { decode } from 'dns-packet'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { encodeQuery, readMessage } from '../../src/dns/message.ts'
import { writeError } from '../../src/dns/writer.ts'
import { type RecordingUpstream, startUpstream } from '../engine/upstream.ts'
import { ask } from '../tools/servers/client.ts'
import { type Engine, startEngine } from './docker.ts'
import { freePort, main, type Serving, serve } from './serve.ts'

const run = promisify(execFile)

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
const sharesByItself = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
/** The kinds of UDP that several processes can share on this Node: all of them, whatever BERTH_UDP says. */
const kinds = sharesByItself ? ['batch', 'plain'] : ['batch']

/** The environment goes before the file, and here the file is to decide. */
const serveAsWritten = (config: object) =>
  serve(config, { env: { BERTH_UDP: undefined, BERTH_WORKERS: undefined } })

/** So many that each of three processes gets some, but for one time in millions: the system chooses by the port. */
const many = 48

/** For who waits for a reply: long enough to say that there is none. */
const silence = () =>
  new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), 5000)
  })

/** One question from each of so many ports, and what was answered: undefined where nothing came. */
async function askFromMany(port: number, query: Buffer): Promise<(Buffer | undefined)[]> {
  return Promise.all(
    Array.from({ length: many }, async () => {
      const socket = dgram.createSocket('udp4')
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.send(query)
      const reply = await Promise.race([
        once(socket, 'message').then(([bytes]) => bytes as Buffer),
        silence(),
      ])
      socket.close()
      return reply
    }),
  )
}

/** The different answers that came, each the addresses in one line; "nothing" where none came. */
async function answersOf(port: number, name: string): Promise<string[]> {
  const replies = await askFromMany(port, encodeQuery(name, 'A', { id: 7 }))
  const texts = replies.map((reply) => {
    if (reply === undefined) return 'nothing'
    const { rcode, answers } = readMessage(reply)
    return rcode === 0 ? answers.map(({ data }) => data).join() : `rcode ${rcode}`
  })
  return [...new Set(texts)]
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within 60 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function metrics(web: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${web}/metrics`)).text()
}

/** The sum of a metric's samples. */
async function total(web: number, name: string): Promise<number> {
  const samples = (await metrics(web)).matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Of the workers' processes that have answered so far, by number; the latest of each. */
function pidsOf({ lines }: Serving): Map<number, number> {
  const told = lines.filter(({ msg }) => msg === 'a worker answers')
  return new Map(told.map(({ worker, pid }) => [worker as number, pid as number]))
}

/** A killed one that nobody has reaped does not count. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
}

describe.each(kinds)('three processes, udp: %s', (udp) => {
  let port: number
  let web: number
  let serving: Serving
  let upstream: RecordingUpstream
  let engines: Engine[]
  let config: object

  beforeAll(async () => {
    ;[port, web] = [await freePort(), await freePort()]
    engines = [await startEngine('one', '10.9.0.1'), await startEngine('two', '10.9.0.2')]
    upstream = await startUpstream()
    config = {
      ...{ listen: [`127.0.0.1:${port}`], http: `127.0.0.1:${web}`, udp, workers: 3 },
      docker: { engines: [{ name: 'a', url: engines[0]!.url }] },
      forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
      hosts: { 'box.example': '192.0.2.1' },
      log: { level: 'debug', queries: true },
    }
    serving = serveAsWritten(config)
    await serving.logged('ready')
  })

  afterAll(() => {
    serving.child.kill('SIGKILL')
    for (const engine of engines) engine.close()
    upstream.close()
  })

  /** The numbers of those that have logged a question for this name. */
  const answeredBy = (name: string) => {
    const lines = serving.lines.filter((line) => line.msg === 'query' && line.name === name)
    return [...new Set(lines.map(({ worker }) => Number(worker ?? 1)))].sort()
  }

  async function reload(changes: object): Promise<void> {
    config = { ...config, ...changes }
    const before = serving.lines.length
    writeFileSync(serving.file, stringify(config))
    serving.child.kill('SIGHUP')
    const isTold = () => serving.lines.slice(before).some(({ msg }) => msg === 'configuration reloaded')
    await until(isTold, 'the configuration is reloaded')
  }

  it('answer, all of them, from the whole table as soon as it says ready', async () => {
    expect(await answersOf(port, 'one.docker.internal')).toEqual(['10.9.0.1'])
    expect(await answersOf(port, 'box.example')).toEqual(['192.0.2.1'])
    expect(answeredBy('one.docker.internal')).toEqual([1, 2, 3])
    expect(await total(web, 'berth_workers')).toBe(3)
    const { packet } = await ask(port, 'one.docker.internal', 'A', { tcp: true })
    expect(packet.answers).toMatchObject([{ data: '10.9.0.1' }])
  })

  it('each count, and one sum is told', async () => {
    const before = await total(web, 'berth_dns_requests_total')
    await answersOf(port, 'box.example')
    expect(await total(web, 'berth_dns_requests_total')).toBe(before + many)
    expect(await total(web, 'berth_dns_request_duration_seconds_count')).toBe(
      await total(web, 'berth_dns_responses_total'),
    )
  })

  it('take each other’s cookies', async () => {
    const query = (cookie: string) => {
      const option = Buffer.from(`000a${(cookie.length / 2).toString(16).padStart(4, '0')}${cookie}`, 'hex')
      const bytes = Buffer.concat([encodeQuery('box.example', 'A', { id: 7, edns: 1232 }), option])
      bytes.writeUInt16BE(option.length, bytes.length - option.length - 2)
      return bytes
    }
    const cookieIn = (reply: Buffer | undefined) => {
      const opt = decode(reply!).additionals!.find(({ type }) => type === 'OPT') as unknown as {
        options: { code: number; data: Buffer }[]
      }
      return opt.options.find(({ code }) => code === 10)!.data.toString('hex')
    }
    const given = cookieIn((await askFromMany(port, query('0102030405060708')))[0])
    expect(given).toMatch(/^0102030405060708[0-9a-f]{32}$/)
    // It comes back as it is from whoever takes it for good.
    const replies = await askFromMany(port, query(given))
    expect([...new Set(replies.map(cookieIn))]).toEqual([given])
  })

  it('have what one of them has asked an upstream for', async () => {
    const before = upstream.packets.length
    expect(await ask(port, 'kept.example.org', 'A')).toMatchObject({ rcode: 0 })
    await until(async () => (await total(web, 'berth_cache_entries')) === 3, 'all of them keep it')
    expect(await answersOf(port, 'kept.example.org')).toEqual(['192.0.2.53'])
    expect(answeredBy('kept.example.org')).toEqual([1, 2, 3])
    expect(upstream.packets.length - before).toBe(1)
    expect(await total(web, 'berth_cache_hits_total')).toBeGreaterThanOrEqual(many)
  })

  it('go by a new configuration, and by a new engine’s table, as soon as that is told', async () => {
    await reload({
      hosts: { 'box.example': '192.0.2.2' },
      docker: { engines: [{ name: 'b', url: engines[1]!.url }] },
    })
    expect(await answersOf(port, 'box.example')).toEqual(['192.0.2.2'])
    expect(await answersOf(port, 'two.docker.internal')).toEqual(['10.9.0.2'])
    expect(answeredBy('two.docker.internal')).toEqual([1, 2, 3])
  })

  it('follow to other addresses; their number is that of the start', async () => {
    const next = await freePort()
    await reload({ listen: [`127.0.0.1:${next}`], workers: 2 })
    const told = serving.lines.find(({ msg }) => msg === 'these settings take effect at the next start')
    expect(told).toMatchObject({ level: 'warn', changed: ['workers'] })
    const ports = () =>
      new Set(serving.lines.flatMap((line) => (line.msg === 'no longer listening' ? [line.worker ?? 1] : [])))
    await until(() => ports().size === 3, 'nobody listens at the former address')
    expect(await answersOf(next, 'box.example')).toEqual(['192.0.2.2'])
    expect(await total(web, 'berth_workers')).toBe(3)
    port = next
  })

  it('one that is killed loses only what was in flight, and another takes its place', async () => {
    const victim = pidsOf(serving).get(2)!
    const requests = await total(web, 'berth_dns_requests_total')
    const query = encodeQuery('two.docker.internal', 'A', { id: 7 })
    const lost: number[] = []
    const wrong: string[] = []
    let answered = 0
    let isOver = false
    // Each from a port of its own, one question after the other.
    const askers = Array.from({ length: many }, async () => {
      const socket = dgram.createSocket('udp4')
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      while (!isOver) {
        const sentAt = performance.now()
        const reply = once(socket, 'message').then(([bytes]) => bytes as Buffer)
        socket.send(query)
        const bytes = await Promise.race([reply, silence()])
        if (bytes === undefined) lost.push(sentAt)
        else if (
          readMessage(bytes)
            .answers.map(({ data }) => data)
            .join() === '10.9.0.2'
        )
          answered++
        else wrong.push(bytes.toString('hex'))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      socket.close()
    })
    await until(() => answered > 2 * many, 'questions run')
    process.kill(victim, 'SIGKILL')
    // Only then all of its threads are gone, and its sockets with them.
    const death = () => serving.lines.find(({ msg }) => msg === 'a worker died, starting another')
    await until(() => death() !== undefined, 'it is dead')
    const deadAt = performance.now()
    await until(async () => (await total(web, 'berth_workers')) === 3, 'there are three again')
    const before = answered
    await until(() => answered > before + 2 * many, 'questions run on')
    isOver = true
    await Promise.all(askers)
    expect(wrong).toEqual([])
    // What was sent once its sockets were gone came to another.
    expect(lost.filter((sentAt) => sentAt > deadAt)).toEqual([])
    expect(lost.length).toBeLessThanOrEqual(many)

    expect(death()).toMatchObject({ level: 'error', worker: 2, pid: victim, why: 'it was killed by SIGKILL' })
    expect(pidsOf(serving).get(2)).not.toBe(victim)
    expect(await total(web, 'berth_worker_restarts_total')).toBe(1)
    // What the dead one counted a second ago still counts.
    expect(await total(web, 'berth_dns_requests_total')).toBeGreaterThan(requests)
    expect(await answersOf(port, 'box.example')).toEqual(['192.0.2.2'])
    expect(await answersOf(port, 'two.docker.internal')).toEqual(['10.9.0.2'])
    expect(
      serving.lines.filter(({ worker, name }) => worker === 2 && name === 'box.example').length,
    ).toBeGreaterThan(1)
  })

  it('leave nobody behind when the first is told to stop', async () => {
    const pids = [...pidsOf(serving).values()]
    expect(pids.filter(isAlive)).toHaveLength(2)
    // As a terminal does it, to all of them.
    for (const pid of pids) process.kill(pid, 'SIGINT')
    serving.child.kill('SIGINT')
    expect(await serving.exited).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
    expect(serving.errors()).toBe('')
  })
})

const running: Serving[] = []
afterEach(async () => {
  for (const { child, exited } of running.splice(0)) {
    child.kill('SIGTERM')
    await exited
  }
})

/** Two processes, no engine, no upstream. */
async function start(changes: object): Promise<Serving & { port: number }> {
  const port = await freePort()
  const serving = serveAsWritten({
    ...{ listen: [`127.0.0.1:${port}`], http: false, docker: { engines: [] }, workers: 2 },
    ...{ forward: { upstreams: [] }, log: { level: 'debug' } },
    ...changes,
  })
  running.push(serving)
  return { ...serving, port }
}

describe.each(kinds)('several processes, udp: %s', (udp) => {
  it('end when the first one is killed', async () => {
    const serving = await start({ udp })
    await serving.logged('ready')
    const pids = [...pidsOf(serving).values()]
    expect(pids).toHaveLength(1)
    serving.child.kill('SIGKILL')
    await serving.exited
    await until(() => !pids.some(isAlive), 'they are gone')
  })

  it('answer what is open with SERVFAIL when they are stopped', async () => {
    const silent = dgram.createSocket('udp4')
    silent.bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const serving = await start({
      udp,
      forward: { upstreams: [`127.0.0.1:${silent.address().port}`], timeout: '10s' },
    })
    await serving.logged('ready')
    let arrived = 0
    silent.on('message', (bytes) => {
      if (bytes.includes('open')) arrived++
    })
    const sockets = Array.from({ length: 16 }, () => dgram.createSocket('udp4'))
    const replies = sockets.map((socket) =>
      once(socket, 'message').then(([bytes]) => readMessage(bytes).rcode),
    )
    for (const [i, socket] of sockets.entries()) {
      socket.send(encodeQuery(`open${i}.example.org`, 'A', { id: i }), serving.port, '127.0.0.1')
    }
    await until(() => arrived >= sockets.length, 'all questions wait for the upstream')
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
    expect(new Set(await Promise.all(replies))).toEqual(new Set([2]))
    for (const socket of [silent, ...sockets]) socket.close()
  })

  it('end in order when they are stopped while they start', async () => {
    const engine = await startEngine('held', '10.9.0.1')
    engine.hold()
    const serving = await start({ udp, docker: { engines: [engine.url] } })
    await until(() => engine.asked.length > 0, 'the engine is asked')
    serving.child.kill('SIGTERM')
    expect(await serving.exited).toBe(0)
    expect(serving.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(serving.lines.at(-1)).toMatchObject({ msg: 'stopped' })
    expect(serving.lines.map(({ msg }) => msg)).not.toContain('ready')
    engine.close()
  })

  it('share an address with each other, and with nobody else', async () => {
    const serving = await start({ udp })
    await serving.logged('ready')
    const other = await start({ udp, listen: [`127.0.0.1:${serving.port}`] })
    expect(await other.exited).toBe(1)
    expect(JSON.stringify(other.lines)).toContain(
      `127.0.0.1 port ${serving.port} is in use by another program`,
    )
  })

  it('find a loop that only a worker sees: its suspicion and the probe reach the first', async () => {
    const good = await startUpstream()
    const web = await freePort()
    const bad = dgram.createSocket('udp4').bind(0, '127.0.0.1')
    await once(bad, 'listening')
    let way: dgram.Socket | undefined
    // At first it says that it knows nothing; then it asks us back, always from the same port.
    bad.on('message', (bytes, from) => {
      if (way !== undefined) way.send(bytes)
      else bad.send(writeError(bytes, 3), from.port, from.address)
    })
    const serving = await start({
      ...{ udp, http: `127.0.0.1:${web}`, log: { level: 'debug', queries: true } },
      forward: { upstreams: [`127.0.0.1:${bad.address().port}`, `127.0.0.1:${good.port}`] },
    })
    await serving.logged('ready')
    const sockets: dgram.Socket[] = []
    /** A socket whose questions come to the worker. */
    async function reach(): Promise<dgram.Socket> {
      for (let i = 0; ; i++) {
        const socket = dgram.createSocket('udp4')
        sockets.push(socket)
        socket.connect(serving.port, '127.0.0.1')
        await once(socket, 'connect')
        const name = `${sockets.length}.localhost`
        socket.send(encodeQuery(name, 'A', { id: i }))
        await once(socket, 'message')
        const line = () => serving.lines.find((each) => each.msg === 'query' && each.name === name)
        await until(() => line() !== undefined, 'it is logged')
        if (line()!.worker === 2) return socket
      }
    }
    const asker = await reach()
    const isTold = ({ level, msg }: Record<string, unknown>) =>
      level === 'error' && String(msg).startsWith('loop')
    expect(serving.lines.some(isTold)).toBe(false)
    way = await reach()
    const reply = once(asker, 'message')
    asker.send(encodeQuery('round.example.org', 'A', { id: 7 }))
    expect(readMessage((await reply)[0]).answers).toMatchObject([{ data: '192.0.2.53' }])
    await until(() => serving.lines.some(isTold), 'the loop is found')
    expect(serving.lines.filter(isTold)).toHaveLength(1)
    expect(serving.lines.find(isTold)).not.toHaveProperty('worker')
    expect(await total(web, 'berth_forward_loops_total')).toBe(1)
    expect(await total(web, 'berth_forward_looping')).toBe(1)
    // By then the worker knows it as well, and does not ask there. The probe may still be sent once more.
    const asked: string[] = []
    bad.on('message', (bytes) => asked.push(decode(bytes).questions![0]!.name))
    asker.send(encodeQuery('other.example.org', 'A', { id: 8 }))
    expect(readMessage((await once(asker, 'message'))[0]).answers).toMatchObject([{ data: '192.0.2.53' }])
    expect(good.saw('other.example.org')).toBe(true)
    expect(asked.filter((name) => !name.startsWith('berth-loop-'))).toEqual([])
    for (const socket of [bad, ...sockets]) socket.close()
    good.close()
  })
})

describe('several processes', () => {
  it('need no batches where Node can share sockets, and are refused elsewhere: exit 2, file, line and key', async () => {
    const serving = await start({ udp: 'plain', workers: 3, log: { level: 'debug', queries: true } })
    if (!sharesByItself) {
      expect(await serving.exited).toBe(2)
      const told = `^${serving.file}:\\d+:\\d+: workers: .*Node 22\\.12, this is Node ${major}.*"udp: plain"`
      expect(serving.errors()).toMatch(new RegExp(told))
      return
    }
    await serving.logged('ready')
    expect(await answersOf(serving.port, 'localhost')).toEqual(['127.0.0.1'])
    const workers = serving.lines.filter(({ msg }) => msg === 'query').map(({ worker }) => worker ?? 1)
    expect(new Set(workers)).toEqual(new Set([1, 2, 3]))
  })

  it('berth worker is not for people', async () => {
    const failed = await run(process.execPath, [main, 'worker']).catch((error) => error)
    expect(failed.code).toBe(2)
    expect(failed.stderr).toContain('started by "berth serve"')
  })
})
