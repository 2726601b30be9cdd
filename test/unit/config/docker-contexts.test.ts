// Which engine is followed where docker.engines does not say: DOCKER_HOST, the docker command's context, a usual place.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { listWarnings } from '../../../src/config/config-warnings.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { BerthError } from '../../../src/lib/errors.ts'

const root = mkdtempSync(join(tmpdir(), 'berth-contexts-'))
afterAll(() => rmSync(root, { recursive: true }))

let home = ''
let made = 0
beforeEach(() => {
  home = join(root, `home${made++}`)
  mkdirSync(join(home, '.docker'), { recursive: true })
})

const load = (env: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  loadConfig({ env: { HOME: home, ...env }, flags, parseEngineAddress })
const idOf = (name: string) => createHash('sha256').update(name).digest('hex')
const configFile = () => join(home, '.docker/config.json')
const metaFile = (name: string) => join(home, '.docker/contexts/meta', idOf(name), 'meta.json')
const use = (currentContext: unknown) => writeFileSync(configFile(), JSON.stringify({ currentContext }))

/** As `docker context create` writes it. */
function create(name: string, endpoint: unknown, tls: Record<string, string> = {}) {
  mkdirSync(join(metaFile(name), '..'), { recursive: true })
  writeFileSync(metaFile(name), JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker: endpoint } }))
  const folder = join(home, '.docker/contexts/tls', idOf(name), 'docker')
  if (Object.keys(tls).length > 0) mkdirSync(folder, { recursive: true })
  for (const [file, text] of Object.entries(tls)) writeFileSync(join(folder, file), text)
}

const unix = (path: string) => ({ Host: `unix://${path}`, SkipTLSVerify: false })

function problemOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BerthError)
    expect((error as BerthError).code).toBe('CONFIG')
    return (error as Error).message.replaceAll(home, 'HOME')
  }
  throw new Error('it was accepted')
}

describe('the order', () => {
  beforeEach(() => {
    for (const name of ['current', 'named']) create(name, unix(`/${name}.sock`))
    use('current')
  })

  it.each([
    [
      'docker.engines',
      { DOCKER_HOST: 'unix:///host.sock' },
      { 'docker.engines': 'unix:///flag.sock' },
      '/flag.sock',
    ],
    [
      'BERTH_DOCKER_ENGINES',
      { BERTH_DOCKER_ENGINES: 'unix:///own.sock', DOCKER_HOST: '/host.sock' },
      {},
      '/own.sock',
    ],
    ['DOCKER_HOST', { DOCKER_HOST: 'unix:///host.sock', DOCKER_CONTEXT: 'named' }, {}, '/host.sock'],
    ['DOCKER_CONTEXT', { DOCKER_CONTEXT: 'named' }, {}, '/named.sock'],
    ['currentContext', {}, {}, '/current.sock'],
    [
      'currentContext, where the others are empty',
      { DOCKER_HOST: '', DOCKER_CONTEXT: '' },
      {},
      '/current.sock',
    ],
    ['auto as if it were not written', {}, { 'docker.engines': 'auto' }, '/current.sock'],
    ['DOCKER_CONTEXT=default', { DOCKER_CONTEXT: 'default' }, {}, '/var/run/docker.sock'],
  ])('%s', (_, env, flags, path) => {
    const { engines } = load(env, flags as Record<string, string>).docker
    expect(engines).toMatchObject([{ name: path, address: { kind: 'unix', path } }])
  })

  it('is told: which one, and what it goes before', () => {
    const how = (env: Record<string, string>) => load(env).docker.found?.text.replaceAll(home, 'HOME')
    expect(how({})).toBe('found by context current of HOME/.docker/config.json')
    expect(how({ DOCKER_CONTEXT: 'named' })).toBe('found by context named of DOCKER_CONTEXT')
    expect(how({ DOCKER_HOST: '/a' })).toBe(
      'found by DOCKER_HOST, which goes before context current of HOME/.docker/config.json',
    )
    expect(how({ BERTH_DOCKER_ENGINES: '/a' })).toBeUndefined()
    use('')
    expect(load().docker.found).toEqual({ by: 'place', text: 'a usual place' })
  })

  it('is of $DOCKER_CONFIG before ~/.docker, and of nothing without a home', () => {
    const elsewhere = join(home, '.docker')
    const alone = (env: Record<string, string>) =>
      loadConfig({ env, flags: {}, parseEngineAddress }).docker.engines[0]!.name
    expect(alone({ DOCKER_CONFIG: elsewhere, HOME: '/nowhere' })).toBe('/current.sock')
    expect(alone({})).toBe('/var/run/docker.sock')
    expect(problemOf(() => alone({ DOCKER_CONTEXT: 'named' }))).toMatch(/set HOME or DOCKER_CONFIG/)
  })

  it('a broken context is nobody’s question where another engine is named', () => {
    use('gone')
    expect(load({ DOCKER_HOST: '/a' }).docker.engines[0]!.name).toBe('/a')
    expect(load({ BERTH_DOCKER_ENGINES: '/a' }).docker.engines[0]!.name).toBe('/a')
  })
})

describe('a context', () => {
  const pem = { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' }
  const addressOf = (host: string, tls: Record<string, string> = {}, SkipTLSVerify = false) => {
    create('x', { Host: host, SkipTLSVerify }, tls)
    use('x')
    return load().docker.engines[0]!.address
  }

  it('has its TLS files', () => {
    const tls = { ca: 'CA', cert: 'CERT', key: 'KEY' }
    expect(addressOf('tcp://192.0.2.1', pem)).toMatchObject({ kind: 'tcp', port: 2376, tls })
  })

  it('may have some of them, or none', () => {
    expect(addressOf('tcp://192.0.2.1:2376', { 'ca.pem': 'CA' })).toMatchObject({ tls: { ca: 'CA' } })
    rmSync(join(home, '.docker/contexts/tls'), { recursive: true })
    expect(addressOf('tcp://192.0.2.1:2375')).toMatchObject({ port: 2375, tls: undefined })
  })

  it('has no certificate without its key', () => {
    const { 'key.pem': _, ...rest } = pem
    expect((addressOf('tcp://192.0.2.1', rest) as { tls: unknown }).tls).toEqual({ ca: 'CA' })
  })

  it('has no use for TLS on a unix socket', () => {
    expect(addressOf('unix:///x.sock', pem)).toMatchObject({ kind: 'unix', path: '/x.sock' })
  })

  it('may say that its certificate is not looked at, and that is warned of', () => {
    const { 'ca.pem': _, ...rest } = pem
    expect(addressOf('tcp://192.0.2.1', rest, true)).toMatchObject({
      tls: { cert: 'CERT', key: 'KEY', rejectUnauthorized: false },
    })
    expect(listWarnings(load())).toEqual([expect.stringMatching(/^context x of .* says SkipTLSVerify/)])
    create('x', unix('/x.sock'))
    expect(listWarnings(load())).toEqual([])
  })

  it('without a host is Docker’s default socket', () => {
    create('x', { SkipTLSVerify: false })
    use('x')
    expect(load().docker.engines[0]!.name).toBe('/var/run/docker.sock')
  })

  it('may be called anything: only its digest is a file’s name', () => {
    create('../../etc', unix('/odd.sock'))
    use('../../etc')
    expect(load().docker.engines[0]!.name).toBe('/odd.sock')
  })
})

describe('a context that can’t be had', () => {
  const broken = (write: () => void) => {
    create('x', unix('/x.sock'))
    use('x')
    write()
    return problemOf(() => load())
  }
  const start = /^HOME\/\.docker\/config\.json: docker\.engines: /

  it('is told where it is chosen', () => {
    use('gone')
    expect(problemOf(() => load())).toBe(
      'HOME/.docker/config.json: docker.engines: there is no context "gone" in HOME/.docker; "docker context ls" lists the existing ones',
    )
    expect(problemOf(() => load({ DOCKER_CONTEXT: 'gone' }))).toMatch(
      /^environment DOCKER_CONTEXT: docker\.engines: /,
    )
  })

  it.each([
    ['not JSON', '{', /is not JSON/],
    ['nested without end', '['.repeat(200_000), /is not JSON/],
    ['no map', '[]', /names no Docker engine/],
    ['null', 'null', /names no Docker engine/],
    ['no endpoints', '{"Endpoints": 7}', /names no Docker engine/],
    ['no engine', '{"Endpoints": {"kubernetes": {}}}', /names no Docker engine/],
    [
      'a host that is no text',
      '{"Endpoints": {"docker": {"Host": ["unix:///a"]}}}',
      /names no Docker engine/,
    ],
    ['an SSH host', '{"Endpoints": {"docker": {"Host": "ssh://me@build"}}}', /forward the socket yourself/],
    ['a Windows pipe', '{"Endpoints": {"docker": {"Host": "npipe:////./pipe/docker_engine"}}}', /WSL 2/],
    ['an odd host', '{"Endpoints": {"docker": {"Host": "ftp://x\\n\\u001b[2J"}}}', /is not a Docker engine/],
  ])('for it is %s', (_, text, why) => {
    const problem = broken(() => writeFileSync(metaFile('x'), text))
    expect(problem).toMatch(start)
    expect(problem).toMatch(why)
    expect(problem.split('\n')).toHaveLength(1)
  })

  it.each([
    ['a directory', (path: string) => mkdirSync(path), /is a directory/],
    ['a pipe that nobody writes', (path: string) => execFileSync('mkfifo', [path]), /not a regular file/],
    ['too long', (path: string) => writeFileSync(path, ' '.repeat(2 << 20)), /larger than 1048576 bytes/],
    ['a link to itself', (path: string) => symlinkSync(path, path), /ELOOP/],
    ['without end', (path: string) => symlinkSync('/dev/zero', path), /not a regular file/],
    ['a link to nothing', (path: string) => symlinkSync('/nowhere', path), /there is no context "x"/],
  ])('for its file is %s', (_, make, why) => {
    const problem = broken(() => {
      rmSync(metaFile('x'))
      make(metaFile('x'))
    })
    expect(problem).toMatch(start)
    expect(problem).toMatch(why)
  })

  it('for a certificate can’t be read', () => {
    create('x', { Host: 'tcp://192.0.2.1', SkipTLSVerify: false }, { 'ca.pem': 'CA' })
    use('x')
    const file = join(home, '.docker/contexts/tls', idOf('x'), 'docker/ca.pem')
    rmSync(file)
    mkdirSync(file)
    expect(problemOf(() => load())).toMatch(
      /^HOME\/\.docker\/config\.json: docker\.engines: .*ca\.pem.*directory/,
    )
  })
})

describe('a config.json that can’t be read', () => {
  it.each([
    ['not JSON', () => writeFileSync(configFile(), '{"currentContext": "x"'), /config\.json: is not JSON/],
    ['no map', () => writeFileSync(configFile(), '"x"'), /currentContext is not text/],
    ['another currentContext', () => use({ name: 'x' }), /currentContext is not text/],
    ['a directory', () => mkdirSync(configFile()), /is a directory/],
    ['too long', () => writeFileSync(configFile(), ' '.repeat(2 << 20)), /larger than/],
    ['a pipe', () => execFileSync('mkfifo', [configFile()]), /not a regular file/],
  ])('(%s) is warned of, and left, as the docker command does', (_, make, why) => {
    make()
    const config = load()
    expect(config.docker).toMatchObject({
      engines: [{ name: '/var/run/docker.sock' }],
      found: { by: 'place' },
    })
    expect(listWarnings(config)).toEqual([expect.stringMatching(why)])
  })

  it('is no warning where there is none', () => {
    expect(listWarnings(load())).toEqual([])
    rmSync(join(home, '.docker'), { recursive: true })
    expect(listWarnings(load())).toEqual([])
    writeFileSync(join(home, '.docker'), '')
    expect(listWarnings(load())).toEqual([])
  })
})
