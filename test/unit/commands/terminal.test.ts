// What commands print of text from elsewhere: labels, names, records, engines' words, configuration values.
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { run } from '../../../src/commands/run.ts'
import { apiRoutes } from '../../../src/http/api.ts'
import type { Inspector } from '../../../src/http/api-types.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLogger } from '../../../src/lib/log.ts'
import { allHostile, hostileTexts, isPrintable } from '../hostile-text.ts'
import { call } from './call.ts'

async function print(args: string[]) {
  const told = await call(run, args)
  return { ...told, printed: told.stdout + told.stderr }
}

const directory = mkdtempSync(join(tmpdir(), 'berth-terminal-'))
const file = join(directory, 'berth.yml')
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
afterAll(() => rmSync(directory, { recursive: true }))

async function serveHttp(told: Inspector): Promise<string> {
  const server = createHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    routes: apiRoutes(told),
    log: silentLogger,
  })
  await server.start()
  closing.push(() => server.stop())
  return `127.0.0.1:${server.address()!.port}`
}

/** Says `text` wherever an inspector says anything. */
const saying = (text: string): Inspector => ({
  names: (as) =>
    as.kind === 'container'
      ? { problem: text, status: 404 }
      : {
          ...{ as: text, rule: text, view: text, networks: [text], forwards: true },
          names: [{ name: text, network: text, v4: [text], v6: [text], containers: [text] }],
        },
  query: async (name, type, as) => {
    if (as.kind === 'container') return { problem: text, status: 400 }
    const answers = name === 'none' ? [] : [{ name: text, type, ttl: 0, data: text }]
    return {
      ...{ name: text, type, as: text, rcode: name === 'none' ? text : 'NOERROR', source: text, rule: text },
      ...{ network: text, route: text, upstream: text, tries: text, alternatives: [text], answers },
    }
  },
})

const commands = [
  ['query', 'x', 'MX'],
  ['query', 'none', 'MX'],
  ['query', 'x', '--as', 'web'],
  ['names'],
  ['names', '--as', 'web'],
]

describe.each(hostileTexts)('%s', (_, text) => {
  it.each(commands)('is shown by berth %s %s %s %s', async (...args) => {
    const plain = await print([...args, '--http', await serveHttp(saying('plain'))])
    const hostile = await print([...args, '--http', await serveHttp(saying(text))])
    expect(hostile.code).toBe(plain.code)
    expect(isPrintable(hostile.printed)).toBe(true)
    expect(hostile.printed).toContain('\\')
    expect(hostile.printed.split('\n')).toHaveLength(plain.printed.split('\n').length)
  })

  it.each(commands)('is valid JSON of berth %s %s %s %s', async (...args) => {
    const { stdout, printed } = await print([...args, '--json', '--http', await serveHttp(saying(text))])
    expect(isPrintable(printed)).toBe(true)
    if (stdout !== '') expect(JSON.parse(stdout).rule).toBe(text)
  })

  it('in a configuration is told in its own line', async () => {
    const written = JSON.stringify({
      zone: text,
      hosts: { 'a.test': text },
      [text]: 1,
      docker: { engines: [`unix:///${text}`, { name: 'a', url: 'unix:///b', [text]: 'x' }] },
      forward: { upstreams: [text] },
      log: { level: text },
    })
    writeFileSync(file, written)
    const { code, stderr } = await print(['check', file])
    expect([code, isPrintable(stderr)]).toEqual([2, true])
    for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^\S*berth\.yml:1:\d+: /)
  })

  it('in an argument is shown', async () => {
    for (const args of [
      [`x${text}`],
      ['query', `x.${text}`, '--http', '127.0.0.1:1'],
      ['query', 'a', text],
      ['query', 'a', 'A', text],
      ['query', 'a', '--http', text],
      ['names', `--${text}`],
      ['check', 'a', text],
      ['check', `${directory}/${text.replaceAll('\u0000', '')}`],
      ['serve', `--log.level=${text}`],
      ['serve', text],
    ]) {
      const { code, printed } = await print(args)
      expect([code === 0, isPrintable(printed)]).toEqual([false, true])
    }
  })
})

it('what berth check understood is shown', async () => {
  const name = allHostile
  writeFileSync(file, JSON.stringify({ docker: { engines: [{ name, url: 'unix:///run/docker.sock' }] } }))
  const plain = await print(['check', file])
  expect([plain.code, isPrintable(plain.printed)]).toEqual([0, true])
  const told = await print(['check', '--json', file])
  expect(isPrintable(told.printed)).toBe(true)
  expect(JSON.parse(told.stdout).docker.engines[0].name).toBe(name)
})

it('what a DNS server says is shown', async () => {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    const answers = [{ name: 'web', type: 'TXT' as const, ttl: 5, data: [Buffer.from(allHostile, 'utf8')] }]
    const id = question.readUInt16BE(0)
    const questions = [{ name: 'web', type: 'TXT' as const }]
    socket.send(encode({ id, type: 'response', questions, answers }), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  closing.push(() => socket.close())
  for (const more of [[], ['--json']]) {
    const server = `127.0.0.1:${socket.address().port}`
    const { code, printed } = await print(['query', '--wire', 'web', 'TXT', '--server', server, ...more])
    expect([code, isPrintable(printed)]).toEqual([0, true])
  }
})
