// Every call of the client, against what the socket proxy in config/ lets through and what docs/access.md lists.
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { EngineConfig } from '../../../../src/config/types.ts'
import { createEngineClient, type EngineClient } from '../../../../src/docker/api/client.ts'
import { toEngineError } from '../../../../src/docker/api/errors.ts'
import { imageRule } from '../../../../src/docker/sync/warnings.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { gatewayBridge } from '../../../../src/registry/order.ts'
import { passed, refused, rules } from '../../../engine/proxy-urls.ts'

const id = '0123456789abcdef'.repeat(4)
const ofPodman = [
  `/v4.0.0/libpod/pods/${id.slice(0, 12)}/json`,
  '/v4.0.0/libpod/containers/json?all=true',
  '/v4.0.0/libpod/networks/json',
]

/** As they are used; TypeScript sees to it that none is missing. */
const calls: { [call in keyof Omit<EngineClient, 'close'>]: (client: EngineClient) => Promise<unknown> } = {
  version: async (client) => (await client.version()).askVersion!(),
  info: (client) => client.info(),
  ping: (client) => client.ping(1000),
  listNetworks: (client) => client.listNetworks(),
  inspectNetwork: (client) => client.inspectNetwork(id),
  listContainers: (client) => client.listContainers(),
  inspectContainer: (client) => client.inspectContainer(id),
  imageLabels: (client) =>
    client.imageLabels({ id: `sha256:${id}`, platform: '{"os":"linux","architecture":"arm64"}' }),
  events: async (client) => {
    const signal = new AbortController().signal
    return (await client.events({ sinceSeconds: 1_700_000_000, signal })).resume()
  },
  pastEvents: (client) => client.pastEvents(1_700_000_000_123, 1_700_000_001_456.5),
}

async function ask(): Promise<string[]> {
  const path = join(mkdtempSync(join(tmpdir(), 'berth-calls-')), 'engine.sock')
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request
    asked.push(`${method} ${url}`)
    expect(headers).toEqual({ host: 'localhost', connection: 'keep-alive' })
    const isList = /^\/v1.45\/(networks|containers\/json)(\?|$)/.test(url)
    response.setHeader('api-version', '1.45')
    response.end(
      isList ? '[]' : url.includes('/events') ? '' : `{"ApiVersion":"1.45","Id":"${id}","Name":"x"}`,
    )
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const address = { kind: 'unix', path, text: `unix://${path}` } as const
  const client = createEngineClient({ name: 'local', address } as EngineConfig, systemClock)
  for (const call of Object.values(calls)) await call(client)
  client.close()
  server.close()
  return asked
}

it('each call is let through by one rule of the proxy, each rule lets one call through, each is in the docs', async () => {
  const asked = await ask()
  expect(asked.filter((line) => !line.startsWith('GET '))).toEqual([])
  // A version is agreed on without one.
  const agreeing = ['GET /_ping', 'GET /version', 'GET /_ping']
  expect(asked.filter((line) => !line.startsWith('GET /v1.45/'))).toEqual(agreeing)
  // Of Podman, as podman.test.ts and podman-busy.test.ts have them; of Docker it is never asked.
  expect(asked.filter((line) => line.includes('libpod'))).toEqual([])
  const urls = [...new Set(asked)].map((line) => line.slice(4)).concat(ofPodman)
  expect(urls.map((url) => rules.filter((rule) => rule.matches(url)).length)).toEqual(urls.map(() => 1))
  expect(rules.map((rule) => urls.filter(rule.matches).length)).toEqual(rules.map(() => 1))
  expect(rules).toHaveLength(urls.length)

  const listed = [...readFileSync('docs/access.md', 'utf8').matchAll(/^\| `(\/\S+)` \|/gm)].map(
    ([, url]) => url!,
  )
  const told = urls.map((url) =>
    url
      .replace(/^\/v1\.\d+/, '')
      .replace(/(?:sha256(?::|%3A))?(?:0123456789abcdef){4}/, 'ID')
      .replace(/\?platform=.*/, '')
      .replaceAll(/(since|until)=[\d.]+/g, '$1=TIME')
      .replace(/filters=.*/, 'filters=JSON')
      .replace(/[0-9a-f]{12}(?=\/json)/, 'ID'),
  )
  expect(listed.sort()).toEqual(told.sort())
})

it('what a socket proxy must allow is said where one refuses', () => {
  const refusal = Object.assign(new Error('no'), { statusCode: 403, json: {} })
  const address = { kind: 'unix', path: '/p', text: 'unix:///p' } as const
  const { message } = toEngineError(refusal, address, 'list its networks')
  const paths = new Set(passed.map((url) => /^(?:\/v\d[\d.]+)?(\/\w+)/.exec(url)![1]!))
  // Without its clock berth goes by its own; without Podman's own API by the pods' host names.
  paths.delete('/info')
  paths.delete('/libpod')
  expect([...paths].filter((path) => !message.includes(path))).toEqual([])
})

it.each(passed)('the proxy lets GET %s through by one rule', (url) => {
  expect(rules.filter((rule) => rule.matches(url))).toHaveLength(1)
})

it.each(refused.filter(([method]) => method === 'GET'))('the proxy refuses %s %s', (_, url) => {
  expect(rules.filter((rule) => rule.matches(url))).toEqual([])
})

it('berth’s one call by a name is let through', () => {
  expect(passed).toContain(`/networks/${gatewayBridge}`)
})

it('the proxy speaks HTTP/1 alone: in HTTP/2 a body needs no header to be told by', () => {
  const binds = readFileSync('config/haproxy-docker.cfg', 'utf8').match(/^ *bind .*$/gm)!
  expect(binds.filter((line) => !line.endsWith(' proto h1'))).toEqual([])
})

it('the line that the log gives to who refuses images is the proxy’s own', () => {
  const config = readFileSync('config/haproxy-docker.cfg', 'utf8').replaceAll(/ +/g, ' ')
  expect(config).toContain(`\n ${imageRule}\n`)
})
