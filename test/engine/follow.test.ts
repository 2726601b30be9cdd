// Following the engine: after each change its event alone brings the right answer, and names are served while the engine is
// gone. How soon that is, `npm run latency` judges.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeQuery, readMessage } from '../../src/dns/message.ts'
import { reverseName } from '../../src/dns/reverse.ts'
import { exchange } from '../system/exchange.ts'
import { type Berth, startBerth } from './berth.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { removeContainers, removeNetworks } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const zone = 'docker.internal'
/** No list before the end: what answers has been told by an event. */
const eventsOnly = { resync: '24h' }
let berth: Berth
let upstream: RecordingUpstream

beforeAll(async () => {
  await docker('network', 'create', 'follow_one')
  await docker('network', 'create', '--subnet', '198.19.77.0/24', 'follow_two')
  upstream = await startUpstream()
  berth = await startBerth({
    listen: ['127.0.0.1:1053'],
    http: '127.0.0.1:9153',
    docker: eventsOnly,
    forward: { upstreams: [`127.0.0.1:${upstream.port}`] },
  })
})

afterAll(async () => {
  await berth?.stop()
  upstream?.close()
  await removeContainers('follow-')
  await removeNetworks('follow_one', 'follow_two')
})

const ask = (name: string, type = 'A') => digFrom('host', { server: '127.0.0.1', port: 1053, name, type })

/** Events bring `name` to just these addresses; none means NXDOMAIN. */
async function expectSoon(name: string, addresses: (string | undefined)[]) {
  await until(
    async () => {
      const reply = await ask(name)
      const rcode = addresses.length > 0 ? 'NOERROR' : 'NXDOMAIN'
      return (
        reply.rcode === rcode &&
        JSON.stringify(reply.answers.map(({ data }) => data)) === JSON.stringify(addresses)
      )
    },
    { what: `${name} is ${addresses}` },
  )
}

const on = async (container: string, network: string) => (await addressesOf(container))[network]?.v4

describe('after an event', () => {
  it('start, stop, start: the name comes, goes and comes', async () => {
    await runContainer('follow-a', '--network', 'follow_one', '--network-alias', 'alpha')
    await expectSoon('follow-a', [await on('follow-a', 'follow_one')])
    await expectSoon(`alpha.follow_one.${zone}`, [await on('follow-a', 'follow_one')])
    await docker('stop', '--time', '0', 'follow-a')
    await expectSoon('follow-a', [])
    await expectSoon(`alpha.follow_one.${zone}`, [])
    await docker('start', 'follow-a')
    await expectSoon('follow-a', [await on('follow-a', 'follow_one')])
  })

  it('rename: the new name is there, the old one gone, and the PTR follows', async () => {
    await docker('rename', 'follow-a', 'follow-b')
    const address = (await on('follow-b', 'follow_one'))!
    await expectSoon('follow-b', [address])
    await expectSoon('follow-a', [])
    const reply = await ask(reverseName(address), 'PTR')
    expect(reply.answers.map(({ data }) => data)).toEqual([`follow-b.follow_one.${zone}.`])
    await docker('rename', 'follow-b', 'follow-a')
    await expectSoon('follow-a', [address])
  })

  it('connect and disconnect: the network’s names come and go', async () => {
    await docker('network', 'connect', '--alias', 'second', 'follow_two', 'follow-a')
    await expectSoon(`second.follow_two.${zone}`, [await on('follow-a', 'follow_two')])
    await docker('network', 'disconnect', 'follow_two', 'follow-a')
    await expectSoon(`second.follow_two.${zone}`, [])
    await expectSoon('follow-a', [await on('follow-a', 'follow_one')])
  })

  it('restart with a new address: the new address', async () => {
    await docker('network', 'connect', 'follow_two', 'follow-a')
    const before = await on('follow-a', 'follow_two')
    await docker('stop', '--time', '0', 'follow-a')
    // Another container takes the freed address, so that the restarted one must get a new one.
    await runContainer('follow-next', '--network', 'follow_two', '--ip', before!)
    await docker('start', 'follow-a')
    const after = await on('follow-a', 'follow_two')
    expect(after).not.toBe(before)
    await expectSoon(`follow-a.follow_two.${zone}`, [after])
    await expectSoon('follow-next', [before])
    await docker('network', 'disconnect', 'follow_two', 'follow-a')
  })

  it('network removal: its names are gone; made again under its name, they are back', async () => {
    await docker('network', 'create', 'follow_three')
    await runContainer('follow-c', '--network', 'follow_three')
    await expectSoon(`follow-c.follow_three.${zone}`, [await on('follow-c', 'follow_three')])
    await docker('network', 'disconnect', 'follow_three', 'follow-c')
    await removeNetworks('follow_three')
    await expectSoon(`follow-c.follow_three.${zone}`, [])
    await docker('network', 'create', 'follow_three')
    await docker('network', 'connect', 'follow_three', 'follow-c')
    await expectSoon(`follow-c.follow_three.${zone}`, [await on('follow-c', 'follow_three')])
    await docker('rm', '--force', 'follow-c')
    await removeNetworks('follow_three')
    await expectSoon('follow-c', [])
  })

  it('start: with several workers each of them has the name', async () => {
    const several = await startBerth({
      ...{ listen: ['127.0.0.1:1054'], http: 'off', workers: 2, log: { queries: true }, docker: eventsOnly },
      forward: { upstreams: [] },
    })
    await runContainer('follow-c', '--network', 'follow_one')
    const address = await on('follow-c', 'follow_one')
    const query = encodeQuery('follow-c', 'A', { id: 7 })
    // Each from a port of its own, by which the system chooses.
    const askMany = () => Promise.all(Array.from({ length: 32 }, () => exchange(1054, query)))
    await until(
      async () =>
        (await askMany()).every(
          (reply) =>
            readMessage(reply)
              .answers.map(({ data }) => data)
              .join() === address,
        ),
      { what: `follow-c is ${address} for all workers` },
    )
    const answers = several.lines.filter(({ msg, name }) => msg === 'query' && name === 'follow-c')
    expect(new Set(answers.map(({ worker }) => worker))).toEqual(new Set([undefined, 2]))
    expect(several.foundLate()).toEqual([])
    expect(await several.stop()).toBe(0)
  })
})

it('nothing was found that no event had told', () => expect(berth.foundLate()).toEqual([]))

describe.runIf(privateEngine())('when the engine is killed', () => {
  const engine = privateEngine()!

  it('names are served throughout, the table is right again once it is back, and the cache is as it was', async () => {
    await runContainer('follow-stays', '--network', 'follow_one', '--restart', 'always')
    const address = await on('follow-stays', 'follow_one')
    await expectSoon('follow-stays', [address])
    const kept = async () => (await ask('kept.example.org')).answers
    expect(await kept()).toMatchObject([{ data: '192.0.2.53' }])

    await engine.kill()
    const asked: string[] = []
    const served = async () => asked.push((await ask('follow-stays')).rcode)
    await served()
    await until(async () => (await metric('berth_docker_connected')) === 0, {
      what: 'connected is 0',
      deadlineMs: 60_000,
    })
    await served()
    await engine.start()
    await served()
    await until(async () => (await metric('berth_docker_connected')) === 1, {
      what: 'connected is 1',
      deadlineMs: 60_000,
    })
    expect(asked).toEqual(['NOERROR', 'NOERROR', 'NOERROR'])

    await docker('start', 'follow-a')
    await runContainer('follow-new', '--network', 'follow_one')
    await until(() => on('follow-stays', 'follow_one'), { what: 'the container runs again' })
    for (const name of ['follow-a', 'follow-new', 'follow-stays']) {
      await expectSoon(name, [await on(name, 'follow_one')])
    }
    expect(await kept()).toMatchObject([{ data: '192.0.2.53' }])
    expect(upstream.packets).toHaveLength(1)
    // None of all the local answers is in it.
    expect(await metric('berth_cache_entries')).toBe(1)
    expect(berth.child.exitCode).toBeNull()
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch('http://127.0.0.1:9153/metrics')).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1])
}
