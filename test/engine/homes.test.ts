// berth on "*:PORT" while networks come and go and containers are attached and detached: clients that never stop asking
// lose nothing on the networks that stay, and every reply comes from the gateway that was asked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Asking, startAsking } from '../tools/net/asking.ts'
import { type Berth, startBerth } from './berth.ts'
import { docker, onNetworkOf, runContainer, until } from './docker.ts'
import { privateEngine } from './engine.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

// The clients run in containers' network namespaces with the machine's files: that takes root.
describe.runIf(privateEngine())('on the engine’s host', () => {
  let upstream: RecordingUpstream
  let berth: Berth
  const askers = new Map<string, Asking>()
  const stays: { asker: Asking; address: string }[] = []

  /** A dual-stack network and a container on it. */
  async function addNetwork(n: number): Promise<void> {
    await docker('network', 'create', '--ipv6', '--subnet', `fd00:40:${n}::/64`, `homes_${n}`)
    await runContainer(`homes-${n}`, '--network', `homes_${n}`, '--network-alias', 'neighbour')
  }

  async function clientOn(n: number): Promise<Asking> {
    const asker = startAsking(await onNetworkOf(`homes-${n}`), ['neighbour', 'forwarded.example.org'])
    askers.set(`homes-${n}`, asker)
    return asker
  }

  async function removeNetwork(n: number): Promise<void> {
    askers.get(`homes-${n}`)?.close()
    await docker('rm', '--force', `homes-${n}`)
    await removeNetworks(`homes_${n}`)
  }

  const gone = (address: string) =>
    until(
      () =>
        berth.lines.some(
          (line) => line.msg === 'address gone, no longer listening' && line.address === address,
        ),
      { what: `berth no longer listens on ${address}` },
    )

  beforeAll(async () => {
    for (const n of [1, 2]) await addNetwork(n)
    upstream = await startUpstream()
    const forward = { upstreams: [`127.0.0.1:${upstream.port}`] }
    berth = await startBerth({ listen: ['*:53'], http: false, forward })
  })

  afterAll(async () => {
    for (const asker of askers.values()) asker.close()
    expect(await berth?.stop()).toBe(0)
    upstream?.close()
    await removeContainers('homes-')
    for (const n of [1, 2]) await removeNetworks(`homes_${n}`)
  })

  it('answers each client at its gateways, IPv4 and IPv6, and at the other network’s', async () => {
    const gateways = await Promise.all([1, 2].map((n) => gatewayOf(`homes_${n}`)))
    for (const [i, own] of gateways.entries()) {
      const asker = await clientOn(i + 1)
      for (const address of [own.v4, own.v6!, gateways[1 - i]!.v4]) {
        await asker.ask(address)
        stays.push({ asker, address })
      }
    }
    expect(stays).toHaveLength(6)
  })

  it.each([1, 2, 3])('a network comes with its container, and goes (round %i)', async () => {
    await addNetwork(3)
    const asker = await clientOn(3)
    const { v4, v6 } = await gatewayOf('homes_3')
    await Promise.all([asker.ask(v4), asker.ask(v6!)])
    const { [v4]: sum } = await asker.sums()
    expect(sum!.udp.strays).toEqual([])
    for (const address of [v4, v6!]) asker.stop(address)
    await removeNetwork(3)
    await Promise.all([gone(v4), gone(v6!)])
    // The next round finds what is new in the log.
    berth.lines.length = 0
  })

  // To a network that nobody asks: a question on its way there would lose its address to the detaching.
  it('containers are attached to networks and detached, those of the askers among them', async () => {
    await docker('network', 'create', 'homes_4')
    for (let round = 0; round < 3; round++) {
      for (const n of [1, 2]) await docker('network', 'connect', 'homes_4', `homes-${n}`)
      for (const n of [1, 2]) await docker('network', 'disconnect', 'homes_4', `homes-${n}`)
      await runContainer('homes-passing', '--network', 'homes_1')
      await docker('rm', '--force', 'homes-passing')
    }
    await removeNetworks('homes_4')
  })

  it('no question was lost on the networks that stayed, and every reply came from the address that was asked', async () => {
    const wrong: string[] = []
    await Promise.all(stays.map(({ asker, address }) => asker.settled(address, 100)))
    for (const { asker, address } of stays) {
      for (const [kind, told] of Object.entries((await asker.sums())[address]!)) {
        if (told.lost.length > 0 || told.strays.length > 0 || told.answered < 100) {
          wrong.push(`${address} ${kind}: ${JSON.stringify(told)}`)
        }
      }
    }
    expect(wrong).toEqual([])
  })
})
