// What a running berth tells of itself, as dig reads it: NSID and CHAOS names where configured, cookies, keepalive.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort, type Serving, serve } from './serve.ts'

const run = promisify(execFile)
const running: Serving[] = []
let named: number
let nameless: number

async function start(identity: object): Promise<number> {
  const port = await freePort()
  const serving = serve({
    ...{ listen: [`127.0.0.1:${port}`], http: false, docker: { engines: [] }, forward: { upstreams: [] } },
    ...{ hosts: { 'web.test': '192.0.2.1' }, identity },
  })
  running.push(serving)
  await serving.logged('ready')
  return port
}

async function dig(port: number, ...args: string[]): Promise<string> {
  const fixed = ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=5']
  return (await run('dig', [...fixed, ...args])).stdout
}

beforeAll(async () => {
  ;[named, nameless] = await Promise.all([start({ id: 'berth-1', version: 'berth 9' }), start({})])
})

afterAll(async () => {
  for (const { child } of running) child.kill('SIGTERM')
  for (const { exited } of running) expect(await exited).toBe(0)
})

it('the identity is told where it is configured, and refused where it is not', async () => {
  expect(await dig(named, 'web.test', '+nsid')).toContain('("berth-1")')
  expect(await dig(named, 'id.server', 'CH', 'TXT', '+short')).toBe('"berth-1"\n')
  expect(await dig(named, 'version.bind', 'CH', 'TXT', '+short')).toBe('"berth 9"\n')
  expect(await dig(nameless, 'web.test', '+nsid')).not.toContain('NSID')
  expect(await dig(nameless, 'version.bind', 'CH', 'TXT')).toContain('status: REFUSED')
})

it('a cookie is good when it comes back, and one for it alone needs no question', async () => {
  const first = await dig(named, 'web.test', '+cookie')
  expect(first).toContain('(good)')
  const cookie = /COOKIE: ([0-9a-f]{48}) /.exec(first)![1]!
  // The same cookie comes back only where it was taken for good; within its first half hour it is kept.
  expect(await dig(named, 'web.test', `+cookie=${cookie}`)).toContain(`COOKIE: ${cookie} (good)`)
  const alone = await dig(named, '+header-only', `+cookie=${cookie}`)
  expect(alone).toContain('status: NOERROR')
  expect(alone).toContain(`COOKIE: ${cookie} (good)`)
  const wrong = await dig(
    named,
    '+header-only',
    `+cookie=${cookie.slice(0, -2)}${cookie.endsWith('00') ? '01' : '00'}`,
    '+nobadcookie',
  )
  expect(wrong).toContain('status: BADCOOKIE')
})

it('a connection’s idle time is told over TCP', async () => {
  expect(await dig(named, 'web.test', '+tcp', '+keepalive')).toContain('TCP KEEPALIVE: 10.0 secs')
  expect(await dig(named, 'web.test', '+keepalive')).not.toContain('KEEPALIVE')
})
