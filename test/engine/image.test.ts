// berth's image, from the unchanged Dockerfile on a real engine: who it runs as, what it may, how it ends, its size.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digFrom, docker, runContainer, until } from './docker.ts'
import { base, ensureBerthImage, name } from './image/build.ts'
import { removeNetworks } from './project.ts'

const run = promisify(execFile)
const network = 'image-test'
const strict = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']

let address: string

/** Runs a command in the container of berth itself. */
const inside = (...command: string[]) => docker('exec', 'image-berth', ...command)
const status = (text: string, key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)![1]!

beforeAll(async () => {
  await ensureBerthImage()
  await docker('network', 'create', network)
  const socket = process.env.DOCKER_HOST!.replace(/^unix:\/\//, '')
  const group = (await run('stat', ['--format', '%g', socket])).stdout.trim()
  const volume = ['--volume', `${socket}:/var/run/docker.sock`, '--group-add', group]
  const quick = ['--health-interval', '1s']
  // There is no upstream here, and engine 20.10 ends a container only after questions its own resolver still has open.
  const settings = ['--env', 'BERTH_FORWARD_UPSTREAMS=[]']
  await docker(
    'run',
    '--detach',
    '--name',
    'image-berth',
    '--network',
    network,
    ...strict,
    ...volume,
    ...quick,
    ...settings,
    name,
  )
  await runContainer('image-web', '--network', network)
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  address = await docker('inspect', '--format', format, 'image-berth')
}, 240_000)

afterAll(async () => {
  await docker('rm', '--force', 'image-berth', 'image-web', 'image-host')
  await removeNetworks(network)
})

describe('the image', () => {
  it('answers on port 53 with a read-only root, no capability and no way to get one', async () => {
    await until(() => digFrom('image-web', { server: address, name: 'image-web' }), {
      what: 'berth answers',
      deadlineMs: 60_000,
      accept: ({ rcode }) => rcode === 'NOERROR',
    })
    const seen = await inside('cat', '/proc/1/status')
    expect(status(seen, 'Name')).toBe('node')
    expect(status(seen, 'Uid').split('\t')).toEqual(Array(4).fill('1000'))
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status(seen, set), set).toMatch(/^0+$/)
    }
    expect(status(seen, 'NoNewPrivs')).toBe('1')
    expect(await inside('cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('0')
    expect(await inside('sh', '-c', 'touch /etc/x /opt/berth/x /tmp/x 2>&1 || true')).toBe(
      ['/etc/x', '/opt/berth/x', '/tmp/x'].map((file) => `touch: ${file}: Read-only file system`).join('\n'),
    )
  })

  it('is healthy, and its health checks leave no process behind', async () => {
    await until(() => docker('inspect', '--format', '{{.State.Health.Status}}', 'image-berth'), {
      what: 'healthy',
      deadlineMs: 60_000,
      accept: (state) => state === 'healthy',
    })
    await until(() => docker('inspect', '--format', '{{len .State.Health.Log}}', 'image-berth'), {
      what: 'three checks',
      deadlineMs: 60_000,
      accept: (count) => Number(count) >= 3,
    })
    expect(await inside('sh', '-c', 'grep -l "State:.Z" /proc/[0-9]*/status || true')).toBe('')
  })

  it('has the command in it, which finds the server by itself', async () => {
    expect(await inside('berth', 'names', '--as', 'image-web')).toContain('image-web')
    expect(await inside('berth', 'query', 'image-web', '--as', 'image-web')).toMatch(/answered by +local/)
    expect(await inside('berth', 'check')).toContain('*:53')
  })

  it('ends in order at docker stop, before Docker kills it', async () => {
    // `npm run latency` judges how soon.
    await docker('stop', '--time', '60', 'image-berth')
    const lines = (await docker('logs', '--timestamps', 'image-berth')).split('\n')
    const at = (msg: string) =>
      Date.parse(lines.find((line) => line.includes(`"msg":"${msg}"`))!.split(' ')[0]!)
    const own = at('stopped') - at('stopping')
    console.log(`berth took ${own} ms to stop`)
    expect(own).toBeGreaterThanOrEqual(0)
    expect(await docker('inspect', '--format', '{{.State.ExitCode}}', 'image-berth')).toBe('0')
  })

  it('adds less than 60 MB to its base, and nothing but what it needs', async () => {
    const sizeOf = async (image: string) =>
      Number(await docker('image', 'inspect', '--format', '{{.Size}}', image))
    const added = (await sizeOf(name)) - (await sizeOf(base))
    console.log(`berth's own layers: ${(added / 1e6).toFixed(1)} MB`)
    expect(added).toBeLessThan(60e6)
    const list = ['--rm', '--entrypoint', 'ls', name]
    expect((await docker('run', ...list, '/opt/berth')).split('\n').sort()).toEqual(
      ['LICENSE', 'dist', 'node_modules', 'package.json'].sort(),
    )
    const modules = (await docker('run', ...list, '/opt/berth/node_modules')).split('\n')
    // All else is in the build, with its licences.
    expect(modules.sort()).toEqual(['@koromix', 'koffi'])
    const files = (await docker('run', ...list, '/opt/berth/dist')).split('\n')
    expect(files).toContain('main.js')
    expect(files).toContain('LICENSES.txt')
    expect(await docker('history', '--no-trunc', name)).not.toContain('proxy')
  })

  it('carries labels, and signals go to the process itself', async () => {
    const { Config } = JSON.parse(await docker('image', 'inspect', '--format', '{{json .}}', name))
    expect(Config.Labels['org.opencontainers.image.title']).toBe('berth')
    expect(Config.Labels['org.opencontainers.image.licenses']).toBe('MIT')
    expect(Config.User).toBe('1000:1000')
    expect(Config.Entrypoint[0]).toBe('node')
    expect(Config.StopSignal).toBe('SIGTERM')
    expect(Config.Healthcheck.Interval).toBe(30e9)
  })
})

describe("on the host's network", () => {
  // There the kernel's own limit holds, and Docker gives no capability to users other than root.
  const start = (...args: string[]) =>
    docker('run', '--detach', '--name', 'image-host', '--network', 'host', ...strict, ...args, name)

  it('binds port 53 as root with NET_BIND_SERVICE alone', async () => {
    await start('--user', '0:0', '--cap-add', 'NET_BIND_SERVICE', '--env', 'BERTH_HTTP=off')
    await until(() => digFrom('host', { server: '127.0.0.1', name: 'localhost' }), {
      what: 'berth answers',
      deadlineMs: 60_000,
      accept: ({ rcode }) => rcode === 'NOERROR',
    })
    await docker('rm', '--force', 'image-host')
  })
})
