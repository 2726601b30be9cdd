// What commands make of more than anybody would read, and of names that a shell would obey.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import type { App } from '../../../src/app.ts'
import { columns } from '../../../src/commands/io.ts'
import { run } from '../../../src/commands/run.ts'
import { describeStart } from '../../../src/commands/start-summary.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { createStore } from '../../../src/registry/store.ts'

it('a table has as many rows as there are', () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i), 'x'])
  expect(columns(rows).split('\n')).toHaveLength(200_001)
})

it('a cell that is very long does not make all others as long', () => {
  const short = Array.from({ length: 100 }, () => ['a', 'b'])
  const text = columns([['NAME', 'OTHER'], ['x'.repeat(5000), 'y'], ...short])
  expect(text.split('\n')[1]).toBe(`${'x'.repeat(5000)}  y`)
  expect(text.split('\n')[2]).toBe('a     b')
})

it('a reply without end is given up', async () => {
  const chunk = Buffer.alloc(1 << 20, ' ')
  const server = createServer((_, response) => {
    const go = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', go).on('error', () => {})
    go()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  let stderr = ''
  const code = await run(['names', '--http', `127.0.0.1:${(server.address() as AddressInfo).port}`], {
    stdout: () => {},
    stderr: (text) => {
      stderr += text
    },
    env: {},
    stop: new AbortController().signal,
  })
  server.closeAllConnections()
  server.close()
  expect(code).toBe(1)
  expect(stderr).toMatch(/^the server at 127\.0\.0\.1:\d+ is not berth: its reply is longer than 64 MiB\n$/)
})

it('the line to try has no name that a shell would obey', () => {
  const lineWith = (...networks: string[]) => {
    const store = createStore(['e'])
    store.apply({
      kind: 'update',
      engine: 'e',
      networks: networks.map((name, i) => [
        `n${i}`,
        {
          ...{ id: `n${i}`, name, engine: 'e', driver: 'bridge', internal: false, sealed: false },
          ...{ ingress: false, hasResolver: true, subnets: [], gateways: [], bridge: undefined },
          ...{ inhibited: false, onLan: false, hasImplicitGateway: false, members: undefined },
        },
      ]),
      containers: networks.map((_, i) => [
        `c${i}`,
        {
          ...{ id: `c${i}`, name: 'web', engine: 'e', running: true, health: 'none', labels: {} },
          ...{ settings: { names: [], wildcards: [], ignored: false, ttl: undefined } },
          ...{ ungranted: [], ports: [], startedAt: undefined, sharesNetworkOf: undefined },
          endpoints: [
            {
              ...{
                networkId: `n${i}`,
                containerId: `c${i}`,
                names: ['web'],
                namesFromEngine: false,
                v4: [`10.0.0.${i + 2}`],
                v6: [],
              },
              ...{ gatewayPriority: 0, gatewayFamilies: 1, links: new Map() },
            },
          ],
        },
      ]),
    })
    const app = {
      store,
      listeners: { bound: () => [{ host: '127.0.0.1', port: 53 }] },
      engines: { info: () => ({ connected: false }) },
      upstreams: () => ({ current: () => [], origin: 'nowhere' }),
    } as unknown as App
    return describeStart(app, loadConfig({ env: {}, flags: {}, parseEngineAddress })).fields.try
  }
  const usual = 'dig @127.0.0.1 -p 53'
  expect(lineWith('shop')).toBe(`${usual} web.shop.docker.internal A`)
  expect(lineWith('x$(reboot)', 'x;reboot', 'x|y', 'x y', 'x\ny', "x'y", 'shop')).toBe(
    `${usual} web.shop.docker.internal A`,
  )
  expect(lineWith('`reboot`')).toBe(`${usual} localhost`)
})
