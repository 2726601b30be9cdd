// berth query, names and check as a person runs them: what is printed, and the exit code.
import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import * as check from '../../../src/commands/check.ts'
import * as names from '../../../src/commands/names.ts'
import * as query from '../../../src/commands/query.ts'
import { apiRoutes } from '../../../src/http/api.ts'
import type { Inspector } from '../../../src/http/api-types.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { call } from './call.ts'

const directory = mkdtempSync(join(tmpdir(), 'berth-commands-'))
const file = join(directory, 'berth.yml')
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => rmSync(directory, { recursive: true }))

const inspector: Inspector = {
  names: (as) => ({
    as: as.kind === 'container' ? as.name : as.kind,
    rule: 'loopback sees every network',
    view: 'host',
    networks: ['front', 'back'],
    forwards: true,
    names: [
      { name: 'web', network: 'front', v4: ['172.18.0.2'], v6: ['fd00::2'], containers: ['shop-web-1'] },
      { name: 'database', network: 'back', v4: [], v6: [], containers: ['db'] },
    ],
  }),
  async query(name, type, as) {
    if (as.kind === 'container') return { problem: `there is no container "${as.name}"`, status: 404 }
    const common = { name, type, as: as.kind, source: 'local', rule: 'a name on front', network: 'front' }
    if (name === 'kept') {
      const kept = { source: 'cache', upstream: '192.0.2.53:53', cached: { age: 12, stale: true } }
      return { name, type, as: as.kind, rule: 'not a name of ours', rcode: 'NOERROR', answers: [], ...kept }
    }
    return type === 'A'
      ? {
          ...common,
          rcode: 'NOERROR',
          answers: [{ name: `${name}.`, type, ttl: 0, data: '172.18.0.2' }],
        }
      : { ...common, rcode: 'NOERROR', answers: [], alternatives: ['web.front', 'web.back'] }
  },
}

async function serveHttp(): Promise<string> {
  const server = createHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: apiRoutes(inspector),
    log: silentLogger,
  })
  await server.start()
  closing.push(() => server.stop())
  return `127.0.0.1:${server.address()!.port}`
}

describe('berth query', () => {
  it('prints the answer, then why', async () => {
    expect(await call(query.run, ['web', '--http', await serveHttp()])).toEqual({
      code: 0,
      stderr: '',
      stdout: `web.  0  A  172.18.0.2

asked as     host
answered by  local
network      front
rule         a name on front
`,
    })
  })

  it('tells NODATA, and what to ask instead', async () => {
    const { stdout } = await call(query.run, ['web', 'aaaa', '--http', await serveHttp()])
    expect(stdout).toMatch(/^web exists, but has no AAAA record\n/)
    expect(stdout).toContain('instead      web.front, web.back\n')
  })

  it('tells that an answer was kept, and for how long', async () => {
    const { stdout } = await call(query.run, ['kept', '--http', await serveHttp()])
    expect(stdout).toContain('answered by  cache (192.0.2.53:53)\ncached       12 s ago, stale\n')
  })

  it('prints JSON for programs', async () => {
    const { stdout } = await call(query.run, [
      'web',
      '--json',
      '--as',
      '192.0.2.1',
      '--http',
      await serveHttp(),
    ])
    expect(JSON.parse(stdout)).toMatchObject({ as: 'address', answers: [{ data: '172.18.0.2' }] })
  })

  it('finds the server through flag, environment, file, in this order', async () => {
    const address = await serveHttp()
    writeFileSync(file, `http: ${address}\nttl: nonsense\n`)
    expect((await call(query.run, ['web', '--config', file])).code).toBe(0)
    expect((await call(query.run, ['web', '--config', file], { BERTH_HTTP: '127.0.0.1:1' })).code).toBe(1)
    writeFileSync(file, 'http: 127.0.0.1:1\n')
    expect((await call(query.run, ['web', '--config', file], { BERTH_HTTP: address })).code).toBe(0)
    const port = address.split(':')[1]
    expect((await call(query.run, ['web', '--http', `*:${port}`])).code).toBe(0)
  })

  it('says what to do where nobody answers', async () => {
    expect(await call(query.run, ['web', '--http', '127.0.0.1:1'])).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'cannot reach berth at 127.0.0.1:1; is it running? use --http ADDRESS or --config FILE to say where it listens\n',
    })
    writeFileSync(file, 'http: off\n')
    expect(await call(query.run, ['web', '--config', file])).toMatchObject({
      code: 2,
      stderr: 'the configuration has "http: off"; use --http ADDRESS, or --wire to ask over DNS\n',
    })
  })

  it('tells an unknown asker', async () => {
    expect(await call(query.run, ['web', '--as', 'ghost', '--http', await serveHttp()])).toMatchObject({
      code: 1,
      stderr: 'there is no container "ghost"\n',
    })
  })

  it.each([
    [[], 'NAME is missing'],
    [['a..b'], '"a..b" is not a domain name'],
    [['web', 'AAAAA'], '"AAAAA" is not a record type'],
    [['web', 'A', 'B'], '"B" is an extra argument'],
    [['web', '--wire', '--as', 'x'], '--as needs HTTP'],
    [['web', '--tcp'], '--tcp needs --wire'],
    [['web', '--nonsense'], "Unknown option '--nonsense'"],
    [['web', '--http', 'somewhere'], '--http: "somewhere" is not an IP address'],
  ])('refuses %j', async (args, sentence) => {
    const { code, stderr } = await call(query.run, args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)])
  })

  it.each([query.run, names.run, check.run])('has help', async (run) => {
    expect(await call(run, ['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: berth /),
    })
  })
})

describe('berth query --wire', () => {
  function reply(question: Buffer): Buffer {
    return encode({
      id: question.readUInt16BE(0),
      type: 'response',
      flags: 0x0580,
      questions: [{ name: 'web', type: 'A' }],
      answers: [{ name: 'web', type: 'A', ttl: 5, data: '172.18.0.2' }],
    })
  }

  async function serveUdp(answer: (question: Buffer, count: number) => Buffer | undefined): Promise<string> {
    const socket = createSocket('udp4')
    let count = 0
    socket.on('message', (question, { port, address }) => {
      const bytes = answer(question, count++)
      if (bytes !== undefined) socket.send(bytes, port, address)
    })
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    closing.push(() => socket.close())
    return `127.0.0.1:${socket.address().port}`
  }

  it('prints what the socket says', async () => {
    expect(await call(query.run, ['--wire', 'web', '--server', await serveUdp(reply)])).toEqual({
      code: 0,
      stderr: '',
      stdout: 'NOERROR, 1 answer, flags aa rd ra\nweb.  5  A  172.18.0.2\n',
    })
  })

  it('is content with any reply', async () => {
    const refuse = (question: Buffer) => {
      const bytes = Buffer.alloc(12)
      question.copy(bytes, 0, 0, 2)
      bytes[2] = 0x80
      bytes[3] = 5
      return bytes
    }
    expect(await call(query.run, ['--wire', 'web', '--server', await serveUdp(refuse)])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^REFUSED, 0 answers/),
    })
  })

  it('tries twice', async () => {
    const server = await serveUdp((question, count) => (count === 0 ? undefined : reply(question)))
    expect((await call(query.run, ['--wire', 'web', '--server', server])).code).toBe(0)
  })

  it('passes over replies to other questions, and gives up after two tries', async () => {
    let asked = 0
    const server = await serveUdp((question) => {
      asked++
      const bytes = reply(question)
      bytes.writeUInt16BE((question.readUInt16BE(0) + 1) & 0xffff, 0)
      return bytes
    })
    const { code, stderr } = await call(query.run, ['--wire', 'web', '--server', server])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`no DNS reply from ${server} (UDP)`)])
    expect(asked).toBe(2)
  })

  it('tells a closed port without waiting for a reply from it', async () => {
    const { code, stderr } = await call(query.run, ['--wire', 'web'], { BERTH_LISTEN: '127.0.0.1:1' })
    expect([code, stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')])
    expect(stderr).not.toContain('no answer within')
  })

  it.each([
    ['an interface that is not there', '[fe80::1%nosuch0]:53', /connect EINVAL|connect ENODEV/],
    ['one with a name that Node takes for none', '[fe80::1%no_such]:53', /connect \w+|no answer within/],
    // Only who asks for it may send there.
    ['what may not be asked', '255.255.255.255', /connect EACCES/],
  ])('tells %s as no reply', async (_what, server, why) => {
    const { code, stderr } = await call(query.run, ['--wire', 'web', '--server', server])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^no DNS reply from [^\n]* \(UDP\): /)])
    expect(stderr).toMatch(why)
  })

  it('goes over TCP, whatever pieces the reply comes in', async () => {
    const server = createServer((socket) => {
      socket.once('data', (bytes) => {
        const message = reply(bytes.subarray(2))
        const framed = Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message])
        socket.setNoDelay(true)
        socket.write(framed.subarray(0, 1))
        setTimeout(() => socket.write(framed.subarray(1, 9)), 10)
        setTimeout(() => socket.end(framed.subarray(9)), 20)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    const { port } = server.address() as { port: number }
    const args = ['--wire', '--tcp', '--json', 'web', '--server', `127.0.0.1:${port}`]
    const { code, stdout } = await call(query.run, args)
    expect([code, JSON.parse(stdout).answers]).toEqual([
      0,
      [{ name: 'web.', type: 'A', ttl: 5, data: '172.18.0.2' }],
    ])
  })
})

describe('berth names', () => {
  it('prints a table', async () => {
    const { code, stdout } = await call(names.run, ['--as', 'shop-web-1', '--http', await serveHttp()])
    expect(code).toBe(0)
    expect(stdout).toBe(`asked as   shop-web-1
sees       host (front, back)
forwarded  other questions are forwarded
rule       loopback sees every network

NAME      NETWORK  ADDRESSES           CONTAINERS
web       front    172.18.0.2 fd00::2  shop-web-1
database  back     -                   db
`)
  })

  it('prints JSON', async () => {
    const { stdout } = await call(names.run, ['--json', '--http', await serveHttp()])
    expect(JSON.parse(stdout).names).toHaveLength(2)
  })
})

describe('berth check', () => {
  it('says what it understood', async () => {
    writeFileSync(
      file,
      'hosts: {web.test: 192.0.2.1}\nforward: {zones: {corp.example: [192.0.2.53]}, networks: {lab: {upstreams: [192.0.2.54], policy: random}}}\n',
    )
    const { code, stdout, stderr } = await call(check.run, [file], {
      BERTH_TTL: '5',
      DOCKER_HOST: '/nowhere',
    })
    expect([code, stderr]).toEqual([0, ''])
    for (const line of [
      `configuration  ${file}`,
      'listen         127.0.0.1:1053',
      'engines        unix:///nowhere, found by DOCKER_HOST, local (the only engine)',
      'zone           docker.internal',
      'ttl            5 s',
      'scope          gateway refuse, allow none',
      'hosts          web.test → 192.0.2.1',
      'upstreams      auto (resolv.conf); sequential, 3500 ms for all tries',
      'routes         corp.example → 192.0.2.53:53',
      '               network lab → 192.0.2.54:53, random',
      'cache          10000 answers in 16 MiB; 3600 s at most, denials 1800 s, stale for 3600 s',
      'http           127.0.0.1:9153',
    ]) {
      expect(stdout.split('\n')).toContain(line)
    }
  })

  it('says of each engine whether it is local, and why', async () => {
    const engines = [
      'unix:///a.sock',
      '{name: forwarded, url: "unix:///b.sock", local: false}',
      '{name: proxy, url: "tcp://127.0.0.1:2375", local: true}',
      '{name: build, url: "tcp://192.0.2.1", reach: routed}',
    ]
    writeFileSync(
      file,
      `docker: {engines: [${engines.map((each, i) => (i === 0 ? `"${each}"` : each)).join(', ')}]}`,
    )
    const { code, stdout, stderr } = await call(check.run, [file])
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.split('\n')
    expect(lines.slice(lines.findIndex((line) => line.startsWith('engines'))).slice(0, 4)).toEqual([
      'engines        unix:///a.sock, local (a unix socket)',
      '               forwarded (unix:///b.sock), remote (local: false is set), reach none',
      '               proxy (tcp://127.0.0.1:2375), local (local: true is set)',
      '               build (tcp://192.0.2.1), remote (over TCP, and not the only one), reach routed',
    ])
    const { stdout: json } = await call(check.run, ['--json', file])
    expect(
      JSON.parse(json).docker.engines.map(({ local, reach }: Record<string, unknown>) => [local, reach]),
    ).toEqual([
      [true, undefined],
      [false, 'none'],
      [true, undefined],
      [false, 'routed'],
    ])
  })

  it('warns where no engine is local, and of a reach that means nothing', async () => {
    writeFileSync(file, 'docker: {engines: [{url: "tcp://192.0.2.1", local: false}]}')
    expect((await call(check.run, [file])).stderr).toMatch(/^warning: no engine in docker\.engines is local/)
    writeFileSync(file, 'docker: {engines: ["tcp://192.0.2.1", "tcp://192.0.2.2"]}')
    expect((await call(check.run, [file])).stderr).toMatch(/^warning: no engine in docker\.engines is local/)
    writeFileSync(file, 'docker: {engines: [{name: a, url: "unix:///a", reach: routed}]}')
    expect((await call(check.run, [file])).stderr).toBe(
      'warning: docker.engines a: reach: routed has no effect on a local engine\n',
    )
  })

  it('says what is wrong, and exits with 2', async () => {
    writeFileSync(file, 'zone: a.local\nttl: x\n')
    const { code, stdout, stderr } = await call(check.run, [file])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringContaining(`${file}:1:7: zone: .local belongs`),
      expect.stringContaining(`${file}:2:6: ttl: must be a whole number`),
    ])
    expect((await call(check.run, [join(directory, 'none.yml')])).code).toBe(2)
  })

  it('tells which servers are asked without EDNS or AD', async () => {
    const servers = '{192.0.2.1: {edns: false, ad: false}, "[2001:db8::1]:5353": {ad: false}, 192.0.2.2: {}}'
    writeFileSync(file, `forward: {upstreams: [192.0.2.1], servers: ${servers}}\n`)
    const { stdout } = await call(check.run, [file])
    expect(stdout).toContain('192.0.2.1:53 is queried without EDNS and AD\n')
    expect(stdout).toContain('[2001:db8::1]:5353 is queried without AD\n')
    expect(stdout).not.toContain('192.0.2.2')
  })

  it('warns of routes that are never used, and of exceptions to nothing', async () => {
    writeFileSync(
      file,
      'forward: {zones: {a.docker.internal: [192.0.2.1], localhost: [192.0.2.1], 10.in-addr.arpa: [192.0.2.1], ' +
        '10.0.0.0/8: [192.0.2.2]}, rebindAllow: [corp.example]}\n',
    )
    const { code, stderr } = await call(check.run, [file])
    expect(code).toBe(0)
    expect(stderr.trim().split('\n')).toEqual([
      'warning: forward.zones a.docker.internal is never used: names under docker.internal are never forwarded (zone)',
      'warning: forward.zones localhost is never used: localhost is always this machine (RFC 6761)',
      'warning: forward.zones lists 10.in-addr.arpa twice, once as part of a subnet; the later entry wins',
      'warning: forward.rebindAllow names domains, but forward.rebindProtection is off: nothing is withheld',
    ])
  })

  it('warns of networks and projects that are called like a public domain, of engines that can be read', async () => {
    const engine = createHttp((request, response) => {
      const isNetworks = request.url!.includes('/networks')
      const rows = isNetworks
        ? [
            { Id: 'a', Name: 'com', Driver: 'bridge' },
            { Id: 'b', Name: 'host', Driver: 'host' },
            { Id: 'c', Name: 'front', Driver: 'bridge' },
          ]
        : ['Dev', 'dev', 'myshop', undefined].map((project, i) => ({
            ...{ Id: `c${i}`, Names: ['/x'] },
            Labels: project === undefined ? null : { 'com.docker.compose.project': project },
          }))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(rows))
    })
    await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve))
    closing.push(() => engine.close())
    const { port } = engine.address() as AddressInfo
    // The second one is not there.
    writeFileSync(file, `docker: {engines: ["tcp://127.0.0.1:${port}", "unix:///nowhere/docker.sock"]}\n`)
    const { code, stderr } = await call(check.run, [file])
    expect(code).toBe(0)
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^warning: the network com is called like a public domain: NAME\.com means /),
      expect.stringMatching(
        /^warning: the project dev is called like a public domain: .*SERVICE\.dev\.docker\.internal$/,
      ),
    ])
  })

  it('warns of an engine whose networks are not on this machine', async () => {
    let gateway = '192.0.2.1'
    const engine = createHttp((request, response) => {
      const what = request.url!.replace(/^\/v[\d.]+/, '')
      const network = { Id: 'a', Name: 'front', Driver: 'bridge' }
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify(
          what === '/info'
            ? { Name: 'docker-desktop', OperatingSystem: 'Docker Desktop' }
            : what === '/networks'
              ? [{ ...network, IPAM: { Config: [{ Subnet: `${gateway}/32`, Gateway: gateway }] } }]
              : [],
        ),
      )
    })
    await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve))
    closing.push(() => engine.close())
    const { port } = engine.address() as AddressInfo
    const warnings = async (engines: string) =>
      (await call(check.run, [], { BERTH_DOCKER_ENGINES: engines })).stderr
    const one = `tcp://127.0.0.1:${port}`
    expect(await warnings(one)).toMatch(
      /^warning: 127\.0\.0\.1:\d+: Docker Desktop has its networks in a virtual/,
    )
    // Of a remote engine everybody knows that.
    expect(await warnings(`${one},unix:///nowhere`)).toBe('')
    gateway = '127.0.0.1'
    expect(await warnings(one)).toBe('')
  })

  it('finds an engine at a usual place, and says that it did, or that there is none', async () => {
    const path = join(directory, 'podman/podman.sock')
    mkdirSync(join(directory, 'podman'))
    const env = { XDG_RUNTIME_DIR: directory, HOME: directory }
    const line = async () => /^engines +(.*)$/m.exec((await call(check.run, [], env)).stdout)?.[1]
    // Where the machine has an engine of its own, that one goes first.
    const own = await line()
    const engine = createHttp((_, response) => response.destroy())
    await new Promise<void>((resolve) => engine.listen(path, resolve))
    closing.push(() => engine.close())
    const nothing =
      'unix:///var/run/docker.sock, no engine answers at the usual places, local (the only engine)'
    expect(await line()).toBe(
      own === nothing ? `unix://${path}, a usual place, local (the only engine)` : own,
    )
    writeFileSync(join(directory, 'config.json'), '{"currentContext": "none"}')
    const { code, stderr } = await call(check.run, [], { ...env, DOCKER_CONFIG: directory })
    expect([code, stderr]).toEqual([
      2,
      `${directory}/config.json: docker.engines: there is no context "none" in ${directory}; "docker context ls" lists the existing ones\n`,
    ])
  })

  it('warns of what may be asked by anybody', async () => {
    const { code, stderr } = await call(check.run, [], {
      BERTH_LISTEN: '*:53',
      BERTH_SCOPE_GATEWAY: 'host',
      BERTH_SCOPE_ALLOW: '0.0.0.0/0',
    })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: scope\.gateway is host and \*:53 is reachable from elsewhere/)
    expect(stderr).toContain('warning: scope.allow includes every address')
  })

  it('prints no private keys', async () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, `${name}.pem`), 'SECRET')
    const env = { DOCKER_HOST: 'tcp://192.0.2.1', DOCKER_CERT_PATH: directory }
    const { stdout } = await call(check.run, ['--json'], env)
    expect(JSON.parse(stdout).docker.engines).toEqual([
      { name: '192.0.2.1', url: 'tcp://192.0.2.1', local: true },
    ])
    expect(stdout).not.toContain('SECRET')
  })
})
