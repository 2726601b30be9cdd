// Which engine berth takes where docker.engines does not say, beside the docker command itself: each of several doors
// leads to the same engine and counts who comes through, and both have to come through the same one.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from './berth.ts'
import { until } from './docker.ts'

const folder = mkdtempSync(join(tmpdir(), 'berth-contexts-'))
const home = join(folder, 'home')
const engine = process.env.DOCKER_HOST!.replace(/^unix:\/\//, '')
const came = new Map<string, number>()
const servers: Server[] = []
const file = (name: string) => join(folder, name)

function through(name: string, socket: Socket): void {
  came.set(name, (came.get(name) ?? 0) + 1)
  const inner = connect(engine)
  socket.pipe(inner).pipe(socket)
  for (const end of [socket, inner]) {
    end.on('error', () => {})
    end.on('close', () => {
      for (const each of [socket, inner]) each.destroy()
    })
  }
}

async function openDoor(name: string, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const server = createServer((socket) => through(name, socket))
  servers.push(server)
  await new Promise<void>((done) => server.listen(path, done))
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function makeCertificates(): void {
  const make = (name: string, ...more: string[]) =>
    openssl(
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), ...more],
    )
  for (const ca of ['ca', 'other']) make(ca)
  const signed = [
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ]
  make('server', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1')
  make('client', ...signed)
}

/** For those alone who have a certificate of `ca`. */
async function openTlsDoor(name: string): Promise<string> {
  const read = (each: string) => readFileSync(file(each))
  const options = { ca: read('ca.pem'), cert: read('server.pem'), key: read('server.key') }
  const server = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) =>
    through(name, socket),
  )
  server.on('tlsClientError', () => {})
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Ran {
  readonly code: number | null
  readonly text: string
  /** The doors it came through. */
  readonly doors: string[]
}

/** Not execFile: the doors are in this process, and have to go on working. */
async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  came.clear()
  const { PATH } = process.env
  const child = spawn(command, args, { env: { PATH, HOME: home, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk
    })
  }
  const code = await new Promise<number | null>((done) => child.once('close', done))
  return { code, text, doors: [...came.keys()].sort() }
}

const docker = (args: string[], env?: Record<string, string>) => run('docker', args, env)
const check = (env?: Record<string, string>) => run(process.execPath, [main, 'check'], env)

beforeAll(async () => {
  chmodSync(folder, 0o755)
  mkdirSync(home)
  makeCertificates()
  for (const name of ['one', 'two', 'host']) await openDoor(name, file(`${name}.sock`))
  const url = await openTlsDoor('tls')
  const create = async (name: string, endpoint: string) => {
    const made = await docker(['context', 'create', name, '--docker', endpoint])
    expect(made.code, made.text).toBe(0)
  }
  const own = `cert=${file('client.pem')},key=${file('client.key')}`
  await create('one', `host=unix://${file('one.sock')}`)
  await create('two', `host=unix://${file('two.sock')}`)
  await create('tls', `host=${url},ca=${file('ca.pem')},${own}`)
  await create('distrusting', `host=${url},ca=${file('other.pem')},${own}`)
  await create('unverified', `host=${url},skip-tls-verify=true,${own}`)
  await create('closed', `host=unix://${file('nobody.sock')}`)
})

afterAll(() => {
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true })
})

/** What is there after `docker context use NAME`. */
async function use(name: string): Promise<void> {
  const used = await docker(['context', 'use', name])
  expect(used.code, used.text).toBe(0)
}

/** To the command of 20.10 a variable that is there counts, though nothing is in it; berth does as later ones do. */
const emptyVariables: Row[] =
  process.env.BERTH_ENGINE === '20.10'
    ? []
    : [['empty variables', 'two', { DOCKER_CONTEXT: '', DOCKER_HOST: '' }, ['two']]]

/** By what, the context in use, variables, and the doors that both come through. */
type Row = [by: string, context: string, env: Record<string, string>, doors: string[]]

describe('berth and the docker command talk to the same engine', () => {
  it.each<Row>([
    ['docker context use', 'one', {}, ['one']],
    ['DOCKER_CONTEXT before it', 'one', { DOCKER_CONTEXT: 'two' }, ['two']],
    ['DOCKER_HOST before both', 'one', { DOCKER_CONTEXT: 'two', DOCKER_HOST: 'host.sock' }, ['host']],
    ...emptyVariables,
    ['TLS', 'tls', {}, ['tls']],
    ['TLS whose server is not of its CA', 'distrusting', {}, []],
    ['TLS that is not looked at', 'unverified', {}, ['tls']],
    ['a socket where nobody listens', 'closed', {}, []],
    ['DOCKER_CONFIG', 'one', { DOCKER_CONFIG: 'elsewhere' }, []],
  ])('by %s', async (_, name, written, doors) => {
    await use(name)
    const env: Record<string, string> = { ...written }
    if (env.DOCKER_HOST) env.DOCKER_HOST = `unix://${file(env.DOCKER_HOST)}`
    if (env.DOCKER_CONFIG) env.DOCKER_CONFIG = file(env.DOCKER_CONFIG)
    const theirs = await docker(['version'], env)
    const ours = await check(env)
    expect([theirs.doors, ours.doors], `${theirs.text}${ours.text}`).toEqual([doors, doors])
    expect(ours.code, ours.text).toBe(0)
  })

  it('refuses a context that is not there, as the docker command does', async () => {
    const env = { DOCKER_CONTEXT: 'gone' }
    const [theirs, ours] = [await docker(['version'], env), await check(env)]
    expect([theirs.doors, ours.doors]).toEqual([[], []])
    expect(theirs.code).not.toBe(0)
    expect(ours.code).toBe(2)
    expect(ours.text).toMatch(/there is no context "gone"/)
  })

  it('goes on without a config.json that is broken, and says so, as the docker command does', async () => {
    await use('one')
    const path = join(home, '.docker/config.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(0, -3))
    const [theirs, ours] = [await docker(['version']), await check()]
    writeFileSync(path, text)
    expect([theirs.doors, ours.doors]).toEqual([[], []])
    expect(theirs.text).toMatch(/warning.*config/i)
    expect(ours.text).toMatch(/warning: Docker contexts ignored.*config\.json: is not JSON/)
  })
})

// Elsewhere there may be an engine at the first of the usual places.
it.skipIf(!process.env.BERTH_ENGINE_PRIVATE)(
  'finds an engine that comes later, at a usual place',
  async () => {
    const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: file('runtime') }
    const child = spawn(process.execPath, [main, 'serve', '--http=off', '--forward.upstreams=[]'], {
      ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
    })
    let text = ''
    child.stdout!.on('data', (chunk) => {
      text += chunk
    })
    const told = () => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    const logged = (msg: string) =>
      until(() => told().find((line) => line.msg === msg), { what: `berth logs '${msg}'` })
    try {
      await logged('ready')
      expect(told().map(({ msg }) => msg)).toContain(
        'no engine answers; will keep looking at the usual places',
      )
      const path = file('runtime/podman/podman.sock')
      await openDoor('late', path)
      expect(await logged('following Docker engine')).toMatchObject({ engine: path })
      expect(await logged('following the engine that was found')).toMatchObject({ engine: `unix://${path}` })
    } finally {
      child.kill('SIGTERM')
      await new Promise((done) => child.once('exit', done))
    }
  },
)
