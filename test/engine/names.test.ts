// First light: from inside every container of a real project, every name it may see and every name it may not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reverseName } from '../../src/dns/reverse.ts'
import { type Berth, startBerth } from './berth.ts'
import { askBoth, dataOf, differences } from './both.ts'
import { type Asked, digFrom, digMany, docker, keyOf } from './docker.ts'
import { onDocker } from './on-docker.ts'
import { bringUp, gatewayOf, type Member, members, takeDown } from './project.ts'
import { type RecordingUpstream, startUpstream } from './upstream.ts'

const zone = 'docker.internal'
let upstream: RecordingUpstream
let berth: Berth
let all: Member[]

beforeAll(async () => {
  await bringUp()
  // A stopped container's names are denied as well.
  await docker(
    'create',
    '--name',
    'shop-gone',
    '--network',
    'shop_front',
    '--network-alias',
    'gone',
    'berth-test:1',
  )
  upstream = await startUpstream()
  berth = await startBerth({ listen: ['*:53'], forward: { upstreams: [`127.0.0.1:${upstream.port}`] } })
  all = await members()
})

afterAll(async () => {
  expect(await berth?.stop()).toBe(0)
  upstream?.close()
  await takeDown()
})

const containers = ['shop-web-1', 'shop-web-2', 'shop-db-1', 'shop-lonely-1', 'shop-shut-1']
const networksOf = (container: string) =>
  all.filter((one) => one.container === container).map(({ network }) => network)
const addressesOf = (list: Member[], type: string) =>
  list
    .map((one) => (type === 'A' ? one.v4 : one.v6))
    .filter((address) => address !== undefined)
    .sort()

/** Every way to ask for what a network's members are called, with the addresses that must come back. */
function visible(container: string): Map<string, { asked: Asked; wanted: string[][] }> {
  const questions = new Map<string, { asked: Asked; wanted: string[][] }>()
  const networks = networksOf(container)
  const expectName = (name: string, type: string, wanted: string[][]) =>
    questions.set(keyOf({ name, type }), { asked: { name, type }, wanted })
  for (const type of ['A', 'AAAA']) {
    const names = new Set(all.filter(({ network }) => networks.includes(network)).flatMap((one) => one.names))
    for (const name of names) {
      const perNetwork = networks.map((network) =>
        all.filter((one) => one.network === network && one.names.includes(name)),
      )
      // The first network that has the name answers, all of it; which is first, Docker's own answer tells below.
      const plain = perNetwork.filter((list) => list.length > 0).map((list) => addressesOf(list, type))
      for (const form of [name, name.toUpperCase(), `${name}.${zone}`]) expectName(form, type, plain)
      networks.forEach((network, i) => {
        if (perNetwork[i]!.length === 0) return
        const exact = [addressesOf(perNetwork[i]!, type)]
        for (const form of [`${name}.${network}`, `${name}.${network}.${zone}`]) expectName(form, type, exact)
      })
    }
  }
  return questions
}

/** Names of what the container shares no network with, in every form that must be denied. */
function invisible(container: string): Asked[] {
  const networks = networksOf(container)
  const seen = new Set(all.filter(({ network }) => networks.includes(network)).flatMap((one) => one.names))
  const hidden = all.filter(({ network }) => !networks.includes(network))
  const names = hidden.flatMap((one) => [
    ...one.names.filter((name) => !seen.has(name)).flatMap((name) => [name, `${name}.${zone}`]),
    ...one.names.flatMap((name) => [`${name}.${one.network}`, `${name}.${one.network}.${zone}`]),
  ])
  const gone = ['gone', `gone.${zone}`, 'gone.shop_front', `gone.shop_front.${zone}`, 'shop-gone']
  const addresses = hidden.flatMap(({ v4, v6 }) => [v4, v6].filter((address) => address !== undefined))
  return [
    ...[...new Set([...names, ...gone])].flatMap((name) => [
      { name, type: 'A' },
      { name, type: 'TXT' },
    ]),
    ...addresses.map((address) => ({ name: reverseName(address), type: 'PTR' })),
  ]
}

describe.each(containers)('%s', (container) => {
  const server = async () => (await gatewayOf(networksOf(container)[0]!)).v4

  it.each([
    ['UDP', false],
    ['TCP', true],
  ])('finds every name of its networks over %s', async (_, tcp) => {
    const questions = visible(container)
    const replies = await digMany(
      container,
      { server: await server(), tcp },
      [...questions.values()].map(({ asked }) => asked),
    )
    const wrong: string[] = []
    for (const [key, { asked, wanted }] of questions) {
      const got = JSON.stringify(dataOf(replies.get(key), asked.type))
      if (!wanted.some((list) => JSON.stringify(list) === got))
        wrong.push(`${key}: ${got}, not ${JSON.stringify(wanted)}`)
    }
    expect(wrong).toEqual([])
    expect(questions.size).toBeGreaterThan(20)
  })

  onDocker('aardvark-dns has other names, and a comparison of its own')(
    'gets the addresses that Docker’s own resolver gives it',
    async () => {
      const questions = [...visible(container).values()]
        .map(({ asked }) => asked)
        .filter(({ name }) => !name.endsWith(zone))
      const compared = await askBoth(container, await server(), questions)
      expect(differences(compared)).toEqual([])
      expect(compared.filter(({ docker }) => docker?.answers.length).length).toBeGreaterThan(8)
    },
  )

  it('is told the names of the addresses on its networks, as Docker tells them', async () => {
    const own = all.filter(({ network }) => networksOf(container).includes(network))
    const questions = own.flatMap(({ v4, v6 }) =>
      [v4, v6]
        .filter((address) => address !== undefined)
        .map((address) => ({ name: reverseName(address), type: 'PTR' })),
    )
    expect(differences(await askBoth(container, await server(), questions))).toEqual([])
    const replies = await digMany(container, { server: await server() }, questions)
    for (const { v4, container: name, network } of own) {
      expect(dataOf(replies.get(keyOf({ name: reverseName(v4!), type: 'PTR' })), 'PTR')).toEqual([
        `${name}.${network}.`,
      ])
    }
  })

  it('is denied every name it may not see, and nothing about it leaves', async () => {
    const questions = invisible(container)
    const replies = await digMany(container, { server: await server() }, questions)
    const wrong = questions
      .map((asked) => ({ asked, rcode: replies.get(keyOf(asked))?.rcode }))
      .filter(({ rcode }) => rcode !== 'NXDOMAIN')
    expect(wrong).toEqual([])
    for (const { name } of questions) expect([name, upstream.saw(name)]).toEqual([name, false])
    // A denial's SOA lets the stub keep it for our TTL, and no longer.
    const denied = replies.get(keyOf({ name: `gone.${zone}`, type: 'A' }))!
    expect(denied.authority).toMatchObject([{ name: `${zone}.`, type: 'SOA', ttl: 0 }])
  })

  it('has what is not ours forwarded, unless all of its networks are internal', async () => {
    const name = `control-${container}.example.org`
    const reply = await digFrom(container, { server: await server(), name })
    if (container === 'shop-shut-1') {
      expect(reply).toMatchObject({ rcode: 'NXDOMAIN', ede: [18], authority: [] })
      expect(upstream.saw(name)).toBe(false)
    } else {
      expect(dataOf(reply, 'A')).toEqual(['192.0.2.53'])
      expect(upstream.saw(name)).toBe(true)
    }
  })

  it('gets NODATA with SOA for other types of a name that exists, never forwarded', async () => {
    for (const type of ['TXT', 'MX', 'HTTPS', 'SRV']) {
      const reply = await digFrom(container, { server: await server(), name: container, type })
      expect(reply).toMatchObject({ rcode: 'NOERROR', answers: [], authority: [{ type: 'SOA' }] })
    }
    expect(upstream.saw(container)).toBe(false)
  })
})

it('shuffles several addresses', async () => {
  const server = (await gatewayOf('shop_front')).v4
  const first = new Set<string>()
  for (let i = 0; i < 40 && first.size < 2; i++) {
    first.add((await digFrom('shop-web-1', { server, name: 'web.shop_front' })).answers[0]!.data)
  }
  expect(first.size).toBe(2)
})

it('withholds an upstream answer with an address of a network out of scope', async () => {
  const hidden = all.find(({ network }) => network === 'shop_alone')!
  const sly = await startUpstream({ 'sly.example.org': hidden.v4! })
  const other = await startBerth({
    listen: ['*:5353'],
    http: false,
    forward: { upstreams: [`127.0.0.1:${sly.port}`] },
  })
  const ask = async (container: string, network: string) =>
    digFrom(container, { server: (await gatewayOf(network)).v4, port: 5353, name: 'sly.example.org' })
  expect(await ask('shop-db-1', 'shop_back')).toMatchObject({ rcode: 'NXDOMAIN', answers: [] })
  expect(dataOf(await ask('shop-lonely-1', 'shop_alone'), 'A')).toEqual([hidden.v4])
  await other.stop()
  sly.close()
})
