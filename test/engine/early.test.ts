// A container answers before its process runs, and is gone as soon as it stops: by the engine's events alone. Engines from 28
// on make the network a few ms before the process runs: there it may ask until the answer comes. How soon that is, `npm run
// latency` judges.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Berth, startBerth } from './berth.ts'
import { isOfToday } from './compare/today.ts'
import { addressesOf, digFrom, docker, runContainer, until } from './docker.ts'
import { gatewayOf, removeContainers, removeNetworks } from './project.ts'

let berth: Berth
let server: string
let mayAskAgain: boolean

beforeAll(async () => {
  mayAskAgain = await isOfToday()
  await docker('network', 'create', 'early_net')
  server = (await gatewayOf('early_net')).v4
  // What answers has been told by an event, not found by a list.
  berth = await startBerth({ listen: ['*:53'], docker: { resync: '24h' }, forward: { upstreams: [] } })
})

afterAll(async () => {
  expect(berth?.foundLate()).toEqual([])
  expect(await berth?.stop()).toBe(0)
  await removeContainers('early-')
  await removeNetworks('early_net')
})

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch('http://127.0.0.1:9153/metrics')).text()
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
}
const ruleFor = async (name: string): Promise<string> => {
  const reply = await fetch(`http://127.0.0.1:9153/api/query?name=${name}&type=A&as=host`)
  return ((await reply.json()) as { rule: string }).rule
}
const run = (name: string, ...args: string[]) => runContainer(name, '--network', 'early_net', ...args)

/** For a container's shell. */
function askFor(name: string, otherwise: string): string {
  const ask = `nslookup ${name}.docker.internal. ${server} >/dev/null`
  return mayAskAgain ? `until ${ask}; do :; done` : `${ask} || ${otherwise}`
}

describe('before its process runs', () => {
  /** Starts a container whose first act is to ask, once for each name; gives the names that were not there. */
  async function askFirst(name: string, names: readonly string[], ...args: string[]): Promise<string[]> {
    const asks = names.map((each) => askFor(each, `echo ${each}`))
    const script = `(${asks.join('; ')}) 2>&1; echo DONE; exec sleep 1000`
    const place = ['--name', name, '--network', 'early_net', ...args]
    await docker('create', ...place, 'berth-test:1', 'sh', '-c', script)
    // Compose lets time enough pass; the CLI's own `run` starts within a millisecond, see docs/latency.md.
    await until(() => ruleFor(names[1]!), {
      what: 'berth knows the aliases',
      accept: (rule) => /not running/.test(rule),
    })
    await docker('start', name)
    const log = await until(() => docker('logs', name), {
      what: `${name} has asked`,
      accept: (text) => text.includes('DONE'),
    })
    return log.split('\n').filter((line) => line !== 'DONE')
  }

  it.each([1, 2, 3])('name, aliases, short id and hostname answer to its first question (%i)', async (n) => {
    const names = [`early-first-${n}`, `alias-${n}`, `Other-${n}`, `host-${n}`]
    const aliases = ['--network-alias', `alias-${n}`, '--network-alias', `Other-${n}`]
    expect(await askFirst(names[0]!, names, '--hostname', `host-${n}`, ...aliases)).toEqual([])
  })

  it('the name answers also where nothing but its create event has told of it', async () => {
    for (const n of [1, 2, 3, 4, 5]) {
      const name = `early-run-${n}`
      const script = `(${askFor(name, 'echo MISSING')}) 2>/dev/null; echo DONE; exec sleep 1000`
      await docker(
        'run',
        '--detach',
        '--name',
        name,
        '--network',
        'early_net',
        'berth-test:1',
        'sh',
        '-c',
        script,
      )
      const log = await until(() => docker('logs', name), {
        what: `${name} has asked`,
        accept: (text) => text.includes('DONE'),
      })
      expect(log).toBe('DONE')
    }
  })

  it('a container that is started again answers at its new address', async () => {
    await run('early-again')
    await docker('stop', 'early-again')
    // Another takes its address.
    await run('early-taker')
    const asks = `nslookup early-again.docker.internal. ${server}`
    await docker('start', 'early-again')
    const reply = await digFrom('early-again', { server, name: 'early-again' })
    expect(reply.answers.map(({ data }) => data)).toEqual([(await addressesOf('early-again')).early_net!.v4])
    expect(await docker('exec', 'early-again', 'sh', '-c', asks)).toContain('Address')
  })
})

it('an alias given to a stopped container is told by its start, and is counted', async () => {
  await docker('create', '--name', 'early-late', 'berth-test:1')
  await docker('network', 'connect', '--alias', 'late-alias', 'early_net', 'early-late')
  const before = await metric('berth_docker_late_names_total')
  await docker('start', 'early-late')
  const reply = await until(() => digFrom('host', { server: '127.0.0.1', name: 'late-alias' }), {
    what: 'the alias answers',
    accept: ({ answers }) => answers.length > 0,
  })
  expect(reply.answers.map(({ data }) => data)).toEqual([(await addressesOf('early-late')).early_net!.v4])
  await until(() => metric('berth_docker_late_names_total'), {
    what: 'it is counted',
    accept: (now) => now === before + 1,
  })
  expect(await metric('berth_docker_resync_drift_total')).toBe(0)
})

it('a stopped container is gone at its disconnect or die, without an inspect', async () => {
  await run('early-gone')
  expect((await digFrom('host', { server: '127.0.0.1', name: 'early-gone' })).answers).toHaveLength(1)
  await docker('stop', 'early-gone')
  expect((await digFrom('host', { server: '127.0.0.1', name: 'early-gone' })).rcode).toBe('NXDOMAIN')
})
