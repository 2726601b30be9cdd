// An engine over TCP that wants a certificate of us (dockerd --tlsverify): followed with the right one, and told in a
// sentence where it is not.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { ask } from '../tools/servers/client.ts'
import { type Engine, startEngine } from './docker.ts'
import { freePort, type Serving, serve } from './serve.ts'

/** ca, server, client: as Docker's documentation has them made; other, outsider: a CA the engine does not know. */
const folder = mkdtempSync(join(tmpdir(), 'berth-tls-'))
const pem = (name: string) => join(folder, `${name}.pem`)
const key = (name: string) => join(folder, `${name}.key`)

function makeCertificate(name: string, ...options: string[]): void {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key(name), '-out', pem(name)]
  const words = ['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, ...files, ...options]
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}

const signedBy = (ca: string, ...extensions: string[]) => [
  ...['-CA', pem(ca), '-CAkey', key(ca)],
  ...['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((each) => ['-addext', each]),
]

let engine: Engine
let serving: Serving | undefined

beforeAll(async () => {
  chmodSync(folder, 0o755)
  for (const ca of ['ca', 'other']) makeCertificate(ca)
  makeCertificate('server', ...signedBy('ca', 'subjectAltName=IP:127.0.0.1', 'extendedKeyUsage=serverAuth'))
  makeCertificate('client', ...signedBy('ca', 'extendedKeyUsage=clientAuth'))
  makeCertificate('outsider', ...signedBy('other', 'extendedKeyUsage=clientAuth'))
  const text = (file: string) => readFileSync(file, 'utf8')
  engine = await startEngine('far', '10.9.0.1', {
    ...{ ca: text(pem('ca')), cert: text(pem('server')), key: text(key('server')) },
  })
})

afterEach(async () => {
  serving?.child.kill('SIGTERM')
  expect(await serving?.exited).toBe(0)
})

afterAll(() => {
  engine?.close()
  rmSync(folder, { recursive: true })
})

/** Serves with these files of `folder` for the engine; resolves once it has tried. */
async function follow(files: object): Promise<{ port: number; serving: Serving }> {
  const port = await freePort()
  serving = serve({
    ...{ listen: [`127.0.0.1:${port}`], http: false, forward: { upstreams: [] } },
    docker: { engines: [{ name: 'far', url: engine.url, ...files }] },
  })
  await serving.logged('ready')
  return { port, serving }
}

const problemsIn = ({ lines }: Serving) =>
  lines.filter(({ level }) => level === 'error' || level === 'warn').map(({ problem }) => String(problem))

const answersOf = async (port: number) =>
  (await ask(port, 'far.docker.internal', 'A')).packet.answers!.map(
    (answer) => 'data' in answer && answer.data,
  )

it('has its containers’ names answered, each call made with the certificate', async () => {
  const before = engine.asked.length
  const { port, serving } = await follow({ ca: pem('ca'), cert: pem('client'), key: key('client') })
  expect(await answersOf(port)).toEqual(['10.9.0.1'])
  expect(problemsIn(serving)).toEqual([])
  // Not only the list: each container by itself.
  const inspected = engine.asked.slice(before).filter((path) => /^\/containers\/.{64}\/json$/.test(path))
  expect(inspected.length).toBeGreaterThan(0)
})

it.each([
  // Where Docker says why (test/unit/docker/api/errors.test.ts), Node's own server just closes.
  ['of another CA', { cert: pem('outsider'), key: key('outsider') }, /closed the connection|does not accept/],
  ['none at all', {}, /does not accept berth's certificate/],
])('tells that a certificate is not accepted, and is told nothing: %s', async (_, files, sentence) => {
  const before = engine.asked.length
  const { serving } = await follow({ ca: pem('ca'), ...files })
  expect(problemsIn(serving)).toEqual([expect.stringMatching(sentence)])
  expect(engine.asked.length).toBe(before)
})

it('does not talk to an engine whose certificate is of another CA', async () => {
  const before = engine.asked.length
  const { serving } = await follow({ ca: pem('other'), cert: pem('client'), key: key('client') })
  expect(problemsIn(serving)).toEqual([
    expect.stringMatching(/certificate of .* is not trusted .*give the CA/),
  ])
  expect(engine.asked.length).toBe(before)
})

it('reads certificates that were put in the place of others at SIGHUP', async () => {
  const [cert, own] = [join(folder, 'mine.pem'), join(folder, 'mine.key')]
  copyFileSync(pem('outsider'), cert)
  copyFileSync(key('outsider'), own)
  const { port, serving } = await follow({ ca: pem('ca'), cert, key: own })
  expect(await answersOf(port)).toEqual([])
  writeFileSync(cert, readFileSync(pem('client')))
  writeFileSync(own, readFileSync(key('client')))
  serving.child.kill('SIGHUP')
  await serving.logged('following Docker engine')
  await vi.waitUntil(async () => (await answersOf(port)).length > 0, { timeout: 60_000, interval: 20 })
  expect(await answersOf(port)).toEqual(['10.9.0.1'])
})
