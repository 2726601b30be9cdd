// A server with many addresses (RFC 2181, 4): each reply comes from the address that was asked, and addresses and links
// come and go without a question being lost on those that stay.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../engine/docker.ts'
import { type Asking, startAsking } from '../tools/net/asking.ts'
import {
  checked,
  createNamespace,
  isRoot,
  listeningOn,
  type Namespace,
  plug,
} from '../tools/net/namespace.ts'
import { type Serving, serve } from './serve.ts'

/** One that berth answers itself, one that it forwards. */
const names = ['localhost', 'box.example']

/** To list the interfaces waits for a lock that each container's start holds, so it is not for the thread that answers. */
const unlisted = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module'
os.networkInterfaces = () => { console.error('the interfaces were listed'); process.exit(99) }; syncBuiltinESMExports()`

/** Wall clock, ms with fraction, as the askers tell it. */
const now = () => performance.timeOrigin + performance.now()

describe.runIf(isRoot)('with several addresses on several links', () => {
  let server: Namespace
  let serving: Serving
  let upstream: Serving
  const clients: Namespace[] = []
  const askers: Asking[] = []
  const stays: { asker: Asking; address: string }[] = []

  beforeAll(async () => {
    server = await createNamespace()
    for (const n of [1, 2, 3]) {
      const client = await createNamespace()
      clients.push(client)
      plug(server, `link${n}`, client, 'eth0')
      for (const last of ['1', '2']) {
        server.ip(
          `addr add 10.9.${n}.${last}/24 dev link${n}`,
          `addr add fd00:9:${n}::${last}/64 dev link${n}`,
        )
      }
      client.ip(
        `addr add 10.9.${n}.100/24 dev eth0`,
        `addr add fd00:9:${n}::100/64 dev eth0`,
        `route add default via 10.9.${n}.1`,
        `route add default via fd00:9:${n}::1`,
      )
      askers.push(startAsking(client.entry, names))
    }
    await Promise.all([server, ...clients].map((each) => checked(each)))
    const quiet = { http: false, docker: { engines: [] } }
    const hosts = { 'box.example': '192.0.2.1' }
    const within = server.entry
    upstream = serve({ ...quiet, listen: ['127.0.0.1:5300'], hosts, forward: { upstreams: [] } }, { within })
    // Up before it is asked: an upstream that is down would be warned of.
    await upstream.logged('ready')
    const scope = { allow: ['10.9.0.0/16', 'fd00:9::/32', 'fe80::/10'] }
    serving = serve(
      { ...quiet, listen: ['*:53'], scope, forward: { upstreams: ['127.0.0.1:5300'] } },
      { within, node: ['--import', `data:text/javascript,${encodeURIComponent(unlisted)}`] },
    )
    await serving.logged('ready')
  })

  afterAll(async () => {
    upstream?.child.kill('SIGTERM')
    serving?.child.kill('SIGTERM')
    const code = await serving?.exited
    for (const asker of askers) asker.close()
    for (const namespace of [server, ...clients]) namespace?.close()
    expect(code).toBe(0)
    expect(serving.errors()).toBe('')
  })

  /** Addresses of the server's end that this client can ask, the link-local one with the client's zone. */
  const linkLocal = (n: number) => {
    const table = readFileSync(`/proc/${server.pid}/net/if_inet6`, 'latin1')
    const row = table.split('\n').find((line) => line.startsWith('fe80') && line.endsWith(` link${n}`))!
    return `${row
      .slice(0, 32)
      .match(/.{4}/g)!
      .join(':')
      .replace(/(:0000)+/, ':')
      .replace(/:0+/g, ':')}%eth0`
  }

  it('answers at all of them, from each link and across links', async () => {
    const asked: Promise<number>[] = []
    for (const [i, asker] of askers.entries()) {
      const n = i + 1
      const other = (n % 3) + 1
      const addresses = [`10.9.${n}.1`, `10.9.${n}.2`, `fd00:9:${n}::1`, `fd00:9:${n}::2`, linkLocal(n)]
      for (const address of [...addresses, `10.9.${other}.2`, `fd00:9:${other}::2`]) {
        asked.push(asker.ask(address))
        // What is taken away below is asked as well, and stopped before.
        if (!address.includes('9.3.') && !address.includes(':9:3:') && n !== 3) stays.push({ asker, address })
      }
    }
    await Promise.all(asked)
    expect(stays).toHaveLength(12)
  })

  // A quarter of a second where the machine is free: `npm run latency` judges that.
  it('serves a new IPv4 address', async () => {
    const took: number[] = []
    for (const address of ['10.9.1.3', '10.9.1.4', '10.9.1.5']) {
      const added = now()
      server.ip(`addr add ${address}/24 dev link1`)
      took.push((await askers[0]!.ask(address)) - added)
      stays.push({ asker: askers[0]!, address })
    }
    console.log(`a new IPv4 address answered after ${took.map(Math.round).join(', ')} ms`)
  })

  it('serves a new IPv6 address after the end of its duplicate check', async () => {
    const addresses = ['fd00:9:1::3', 'fd00:9:1::4', 'fd00:9:1::5']
    server.ip(...addresses.map((address) => `addr add ${address}/64 dev link1`))
    const took = addresses.map(async (address) => {
      const answered = askers[0]!.ask(address)
      await checked(server, address)
      const usable = now()
      stays.push({ asker: askers[0]!, address })
      return (await answered) - usable
    })
    const waits = await Promise.all(took)
    console.log(`a new IPv6 address answered ${waits.map(Math.round).join(', ')} ms after its check`)
    // Nobody is warned of what is in order.
    expect(serving.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })

  it('lets go of removed addresses, and of links that are gone', async () => {
    for (const asker of askers) {
      for (const address of Object.keys(await asker.sums())) {
        if (/^10\.9\.3\.|^fd00:9:3:/.test(address)) asker.stop(address)
      }
    }
    for (const address of Object.keys(await askers[2]!.sums())) askers[2]!.stop(address)
    server.ip('link del link3')
    server.ip('addr add 10.9.2.3/24 dev link2')
    await askers[1]!.ask('10.9.2.3')
    askers[1]!.stop('10.9.2.3')
    server.ip('addr del 10.9.2.3/24 dev link2')
    const gone = /^10\.9\.3\.|^10\.9\.2\.3$|^fd00:9:3:|%link3$/
    for (const kind of ['udp', 'tcp'] as const) {
      await until(() => !listeningOn(server, 53, kind).some((address) => gone.test(address)), {
        what: `no ${kind} socket is left of them`,
        deadlineMs: 60_000,
      })
    }
  })

  it('takes up a link of an old name, link-local address and all', async () => {
    plug(server, 'link3', clients[2]!, 'eth1')
    server.ip('addr add 10.9.3.1/24 dev link3')
    server.ip('addr add fe80::53/64 dev link3')
    clients[2]!.ip('addr add 10.9.3.100/24 dev eth1')
    const answers = [askers[2]!.ask('10.9.3.1'), askers[2]!.ask('fe80::53%eth1')]
    await Promise.all(answers)
    // Away and back between two looks: the interface is another one, though its name and address are the same.
    for (const address of ['10.9.3.1', 'fe80::53%eth1']) askers[2]!.stop(address)
    server.ip(
      'link del link3',
      `link add link3 type veth peer name eth1 netns ${clients[2]!.pid}`,
      'link set link3 up',
      'addr add fe80::53/64 dev link3 nodad',
    )
    clients[2]!.ip('link set eth1 up')
    await checked(clients[2]!)
    await askers[2]!.ask('fe80::53%eth1')
  })

  it('a flood of changes disturbs nobody', async () => {
    const many = Array.from({ length: 60 }, (_, i) => `10.9.2.${i + 10}`)
    server.ip(...many.map((address) => `addr add ${address}/24 dev link2`))
    await askers[1]!.ask(many.at(-1)!)
    askers[1]!.stop(many.at(-1)!)
    server.ip(...many.map((address) => `addr del ${address}/24 dev link2`))
    await until(() => !listeningOn(server, 53, 'udp').some((address) => many.includes(address)), {
      what: 'all of them are let go',
    })
  })

  it('no question was lost on the addresses that stayed, and every reply came from the address that was asked', async () => {
    const wrong: string[] = []
    await Promise.all(stays.map(({ asker, address }) => asker.settled(address, 100)))
    for (const { asker, address } of stays) {
      const sum = (await asker.sums())[address]!
      for (const [kind, told] of Object.entries(sum)) {
        if (told.lost.length > 0 || told.answered < 100)
          wrong.push(`${address} ${kind}: ${JSON.stringify(told)}`)
      }
    }
    for (const asker of askers) {
      for (const [address, { udp }] of Object.entries(await asker.sums())) {
        if (udp.strays.length > 0) wrong.push(`${address} was answered from ${new Set(udp.strays)}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
