// What the real kernel tells of a network namespace's addresses and links, and that it tells nothing else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../engine/docker.ts'
import { checked, createNamespace, isRoot, type Namespace } from '../tools/net/namespace.ts'

/** A script of test/tools/net in a namespace, and the lines that it says. */
function runIn({ entry }: Namespace, name: string) {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const script = fileURLToPath(new URL(`../tools/net/${name}.ts`, import.meta.url))
  const words = [...entry, process.execPath, '--import', tsx, script]
  const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  return { child, lines: createInterface({ input: child.stdout }) }
}

describe.runIf(isRoot)('the kernel tells', () => {
  let place: Namespace
  let hear: () => Promise<string>
  let end = () => {}

  beforeAll(async () => {
    place = await createNamespace()
    const { child, lines } = runIn(place, 'hearing')
    end = () => child.stdin.end()
    hear = async () => {
      const line = once(lines, 'line')
      child.stdin.write('\n')
      return (await line)[0]
    }
    await hear()
  })

  /** undefined: nothing so far. */
  const hearSome = async () => {
    const told = await hear()
    return told === 'nothing' ? undefined : told
  }

  afterAll(() => {
    end()
    place?.close()
  })

  it.each([
    ['a bridge that comes', 'link add br0 type bridge', 'links'],
    // So that it gives itself no address later on.
    ['nothing of a setting of it', 'link set br0 addrgenmode none', 'nothing'],
    ['its carrier', 'link set br0 up', 'links'],
    ['an address', 'addr add 10.9.0.1/24 dev br0', 'addresses'],
    ['a second one', 'addr add 10.9.0.2/24 dev br0', 'addresses'],
    ['one that goes', 'addr del 10.9.0.2/24 dev br0', 'addresses'],
    ['nothing of a route', 'route add 10.10.0.0/16 via 10.9.0.9 dev br0', 'nothing'],
    ['nothing of a neighbour', 'neigh add 10.9.0.9 lladdr 02:00:00:00:00:01 dev br0', 'nothing'],
    ['a name, which is also one of its addresses', 'link set br0 name br1', 'addresses'],
    ['an IPv6 address without a check', 'addr add fd00:9::1/64 dev br1 nodad', 'addresses'],
    ['a bridge that goes with its addresses', 'link del br1', 'addresses'],
  ])('%s', async (_name, line, heard) => {
    place.ip(line)
    // What the kernel does later (an IPv6 address, which it looks at first) it also tells later.
    const told = heard === 'nothing' ? await hear() : await until(hearSome, { what: heard })
    expect(told).toBe(heard)
    // A bridge has word of itself a few more times.
    await until(async () => (await hear()) === 'nothing', { what: 'silence' })
  })

  it('the end of a duplicate check', async () => {
    place.ip('link add v0 type veth peer name v1', 'link set v1 up', 'link set v0 up')
    await checked(place)
    await until(async () => (await hear()) === 'nothing', { what: 'silence' })
    place.ip('addr add fd00:9::2/64 dev v0')
    expect(await hear()).toBe('addresses')
    const heard = until(async () => (await hear()) === 'addresses', { what: 'the end of the check' })
    await checked(place)
    await heard
  })
})

it.runIf(isRoot)(
  'the kernel signals that it tells something, and nothing to who has stopped hearing it',
  async () => {
    const place = await createNamespace()
    try {
      const { child, lines } = runIn(place, 'signalled')
      const said: string[] = []
      lines.on('line', (line) => void said.push(line))
      const ended = once(child, 'exit')
      const hears = (line: string) => until(async () => said.splice(0).includes(line), { what: line })
      // That it has done what it was asked for.
      await hears('nothing')
      place.ip('link add br0 type bridge')
      await hears('links')
      place.ip('addr add 10.9.0.1/24 dev br0')
      await hears('addresses')
      place.ip('addr add 10.9.0.2/24 dev br0')
      await hears('addresses')
      child.stdin.write('\n')
      await hears('stopped')
      // Whoever is sent a signal and does not hear it is ended by it.
      place.ip('addr add 10.9.0.3/24 dev br0')
      child.stdin.end()
      expect(await ended).toEqual([0, null])
    } finally {
      place.close()
    }
  },
)
