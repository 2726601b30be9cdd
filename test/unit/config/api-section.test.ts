// The `api:` section: where it is read from, what is wrong with it, and what is kept of a token.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { digestOf, readToken } from '../../../src/config/api-token.ts'
import { listWarnings } from '../../../src/config/config-warnings.ts'
import { listChanges, markSettings } from '../../../src/config/diff.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { loadAddresses } from '../../../src/config/running-addresses.ts'
import type { Config } from '../../../src/config/types.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'

const changes = (before: Config, after: Config) => listChanges(markSettings(before), markSettings(after))

const directory = mkdtempSync(join(tmpdir(), 'berth-api-'))
const file = join(directory, 'berth.yml')
const tokenFile = join(directory, 'token')
afterAll(() => rmSync(directory, { recursive: true }))

const secret = '0123456789abcdef0123456789abcdef'

function writeToken(text: string, mode = 0o640): void {
  writeFileSync(tokenFile, text, 'latin1')
  chmodSync(tokenFile, mode)
}

function load(text: string, env: Record<string, string> = {}): Config {
  writeFileSync(file, text)
  return loadConfig({ file, env, flags: {}, parseEngineAddress })
}

function problemOf(text: string, env: Record<string, string> = {}): string {
  try {
    load(text, env)
  } catch (error) {
    return (error as Error).message.replaceAll(directory, 'DIR')
  }
  throw new Error('the configuration was accepted')
}

describe('what is written', () => {
  it('is nothing by default', () => {
    expect(load('').api).toEqual({ socket: undefined, group: undefined, token: undefined, hosts: [] })
    expect(load('api: {socket: off, group: "", token: false, hosts: []}').api).toEqual(load('').api)
  })

  it('is a path, a group, a token and names', () => {
    writeToken(`${secret}\n`)
    expect(
      load('api: {socket: run/api.sock, group: root, token: token, hosts: [Berth.Example., b]}').api,
    ).toEqual({
      socket: join(directory, 'run/api.sock'),
      group: 0,
      token: { file: tokenFile, digest: digestOf(secret), length: 32, mode: 0o640 },
      hosts: ['berth.example', 'b'],
    })
    expect(load('api: {socket: "unix:///run/x/api.sock", group: 54321}').api).toMatchObject({
      socket: '/run/x/api.sock',
      group: 54321,
    })
  })

  it('may come from the environment', () => {
    writeToken(secret)
    const env = {
      BERTH_API_SOCKET: '/run/x.sock',
      BERTH_API_GROUP: '7',
      BERTH_API_TOKEN: tokenFile,
      BERTH_API_HOSTS: 'a.example,b.example',
    }
    expect(load('', env).api).toMatchObject({
      ...{ socket: '/run/x.sock', group: 7, hosts: ['a.example', 'b.example'] },
      token: { file: tokenFile },
    })
  })

  it('is told by key where it changes, a token by what its file holds', () => {
    writeToken(secret)
    const before = load('api: {token: token, socket: a}')
    expect(changes(before, load('api: {token: token, socket: b, group: 1, hosts: [x]}'))).toEqual([
      'api.socket',
      'api.group',
      'api.hosts',
    ])
    writeToken(`${secret}0`)
    expect(changes(before, load('api: {token: token, socket: a}'))).toEqual(['api.token'])
  })
})

describe('what is wrong', () => {
  it.each([
    [
      'api: {socket: 1}',
      'DIR/berth.yml:1:15: api.socket: must be text, not number 1; for example "/run/berth/api.sock" or off',
    ],
    ['api: {socket: /run/}', 'DIR/berth.yml:1:15: api.socket: "/run/" is not a file path'],
    [
      `api: {socket: /${'a'.repeat(92)}}`,
      'DIR/berth.yml:1:15: api.socket: has 93 bytes; a socket’s path has at most 92',
    ],
    [
      'docker: {engines: ["unix:///run/../run/d.sock"]}\napi: {socket: /run/d.sock}',
      'DIR/berth.yml:2:15: api.socket: is the Docker engine’s own socket; choose another path',
    ],
    [
      'api: {group: no-such-group}',
      'DIR/berth.yml:1:14: api.group: no group "no-such-group" in /etc/group; create it (groupadd no-such-group), or write a group number',
    ],
    [
      'api: {group: [a]}',
      'DIR/berth.yml:1:14: api.group: must be a group name or number, not a list; for example "docker"',
    ],
    [
      'api: {token: none}',
      'DIR/berth.yml:1:14: api.token: the file cannot be read: no such file (api.token names a file, not the token itself)',
    ],
    ['api: {token: .}', 'DIR/berth.yml:1:14: api.token: is not a regular file'],
    [
      'api: {hosts: ["*.example"]}',
      'DIR/berth.yml:1:15: api.hosts[0]: "*.example" contains "*"; a name consists of letters, digits, "-", "_" and dots',
    ],
    ['api: {sockets: a}', 'DIR/berth.yml:1:7: api.sockets: unknown key; did you mean "socket"?'],
    ['api: off', 'DIR/berth.yml:1:6: api: must be a map of keys with values'],
  ])('%s', (text, problem) => expect(problemOf(text)).toBe(problem))

  it.each([
    ['empty', '', 'the file is empty; write a token into it: openssl rand -hex 32'],
    ['blank', ' \n\n', 'the file is empty; write a token into it: openssl rand -hex 32'],
    ['two lines', `${secret}\n${secret}\n`, 'the file must hold one word of printable ASCII'],
    ['two words', 'a b', 'the file must hold one word of printable ASCII'],
    ['control characters', 'a\u001bb', 'the file must hold one word of printable ASCII'],
    ['not ASCII', 'tökèn', 'the file must hold one word of printable ASCII'],
    ['too long', 'a'.repeat(4097), 'the file has more than 4096 bytes'],
  ])('a token that is %s', (_, text, problem) => {
    writeToken(text)
    expect(problemOf('api: {token: token}')).toBe(`DIR/berth.yml:1:14: api.token: ${problem}`)
  })

  it('does not tell a token that was written in place of its file', () => {
    expect(problemOf('', { BERTH_API_TOKEN: secret })).not.toContain(secret)
    expect(problemOf(`api: {token: ${secret}}`)).not.toContain(secret)
  })

  it('a pipe that nobody writes to does not hold it up', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(readToken(pipe)).toEqual({ problem: 'is not a regular file' })
  })

  it('a token may be behind a link, as secrets are mounted', () => {
    mkdirSync(join(directory, 'data'))
    writeFileSync(join(directory, 'data/token'), `\r\n${secret}\r\n`)
    symlinkSync('data/token', join(directory, 'linked'))
    expect(readToken(join(directory, 'linked'))).toMatchObject({ text: secret })
  })
})

describe('what should be known', () => {
  it.each([
    [0o600, []],
    [0o640, []],
    [0o440, []],
    [
      0o644,
      [
        expect.stringMatching(
          /^api\.token: other users can read or change \S+token \(mode 644\); run chmod 640/,
        ),
      ],
    ],
    [0o660, [expect.stringContaining('(mode 660)')]],
    [0o602, [expect.stringContaining('(mode 602)')]],
  ])('a token file of mode %i', (mode, warnings) => {
    writeToken(secret, mode)
    expect(listWarnings(load('api: {token: token}'))).toEqual(warnings)
  })

  it('a token that is short', () => {
    writeToken('secret')
    expect(listWarnings(load('api: {token: token}'))).toEqual([
      expect.stringMatching(/has 6 characters and can be guessed; make one with openssl rand -hex 32$/),
    ])
  })
})

describe('where a running berth is', () => {
  const find = async (text: string, env: Record<string, string> = {}) => {
    writeFileSync(file, text)
    const { listen, http, ...found } = await loadAddresses({ file, env, flags: {} })
    return found
  }

  it('is told with its socket and its token, whatever else is wrong there', async () => {
    expect(await find('ttl: x\napi: {socket: a.sock, token: none, group: [], hosts: 1, x: y}')).toEqual({
      socket: join(directory, 'a.sock'),
      token: join(directory, 'none'),
    })
    expect(await find('', { BERTH_API_SOCKET: '/run/x.sock' })).toEqual({ socket: '/run/x.sock' })
    expect(await find('http: 127.0.0.1:99')).toEqual({})
    expect(await find('', { BERTH_HTTP: '127.0.0.1:99' })).toEqual({})
    expect(await find('api: {socket: off}')).toEqual({})
    expect(await find('api: {token: t}')).toEqual({ token: join(directory, 't'), isUsual: true })
    expect(await find('ttl: 1')).toEqual({ isUsual: true })
  })
})
