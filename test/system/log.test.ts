// A log that nobody reads: the server answers on, its memory stays what it is, and it says what was lost.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { constants, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { encodeQuery } from '../../src/dns/message.ts'
import { freePort, main } from './serve.ts'

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('did not come true within 60 s')
    await wait(20)
  }
}

function fileOf(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'berth-log-')), 'berth.yml')
  writeFileSync(file, text)
  return file
}

/** Logs every question into a pipe that nobody reads. */
async function start(workers = 1) {
  const [port, web] = [await freePort(), await freePort()]
  const config = {
    ...{ listen: [`127.0.0.1:${port}`], http: `127.0.0.1:${web}`, log: { queries: true }, workers },
    ...{ docker: { engines: [] }, forward: { upstreams: [] }, hosts: { 'box.example': '192.0.2.1' } },
  }
  const child = spawn(process.execPath, [main, 'serve', '--config', fileOf(JSON.stringify(config))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  const exited = once(child, 'exit')
  await until(() =>
    fetch(`http://127.0.0.1:${web}/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const lost = async (why: string) => {
    const text = await (await fetch(`http://127.0.0.1:${web}/metrics`)).text()
    return Number(new RegExp(`^berth_log_lost_lines_total\\{why="${why}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  }
  return { child, port, exited, lost }
}

/** Asks in turn so many questions, from several ports, and has all of them answered. */
async function askMany(port: number, count: number): Promise<void> {
  const query = encodeQuery('box.example', 'A', { id: 1 })
  const each = async () => {
    const socket = dgram.createSocket('udp4')
    for (let i = 0; i < count / 10; i++) {
      socket.send(query, port, '127.0.0.1')
      await once(socket, 'message', { signal: AbortSignal.timeout(20_000) })
    }
    socket.close()
  }
  await Promise.all(Array.from({ length: 10 }, each))
}

it.each([1, 2])(
  'lines are dropped and counted while nobody reads, and told of then; %i processes',
  async (workers) => {
    const { child, port, lost, exited } = await start(workers)
    await until(async () => {
      await askMany(port, 2000)
      return (await lost('full')) > 0
    })
    await askMany(port, 1000)
    const counted = await lost('full')
    expect(counted).toBeGreaterThan(0)
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    await until(() => text.includes('log lines were lost'))
    const told = text.split('\n').find((line) => line.includes('log lines were lost'))!
    expect(JSON.parse(told)).toMatchObject({ level: 'warn', lines: expect.any(Number) })
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    await until(() => text.includes('"stopped"'))
  },
  90_000,
)

it('a pipe that nobody reads keeps it neither from answering nor from its end', async () => {
  const { child, port, lost, exited } = await start()
  await until(async () => {
    await askMany(port, 2000)
    return (await lost('full')) > 0
  })
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
}, 240_000)

it('a pipe that is closed is counted, and no reason to stop', async () => {
  const { child, port, lost, exited } = await start()
  child.stdout!.destroy()
  await until(async () => {
    await askMany(port, 10)
    return (await lost('failed')) > 0
  })
  await askMany(port, 100)
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
})

it('what a command prints is whole, however slowly it is read', () => {
  const hosts = Array.from({ length: 20_000 }, (_, i) => `  h${i}.test: 192.0.2.1`)
  const file = fileOf(['hosts:', ...hosts].join('\n'))
  const command = `'${process.execPath}' '${main}' check '${file}' | (sleep 0.5; cat)`
  const text = execFileSync('sh', ['-c', command], { encoding: 'utf8', maxBuffer: 1 << 26 })
  expect(text).toContain('h19999.test')
  expect(text).toMatch(/\nlog +info\n$/)
})

it('a process that starts does not make it wait for the pipe', async () => {
  const { child, port, lost } = await start(2)
  const flags = () => /flags:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/fdinfo/1`, 'utf8'))![1]!
  const isWaiting = () => (Number.parseInt(flags(), 8) & constants.O_NONBLOCK) === 0
  await until(async () => {
    await askMany(port, 2000)
    return (await lost('full')) > 0
  })
  expect(isWaiting()).toBe(false)
  const worker = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  const before = worker()
  process.kill(Number(before), 'SIGKILL')
  await until(() => worker() !== '' && worker() !== before)
  expect(isWaiting()).toBe(false)
  child.kill('SIGHUP')
  await until(() => worker().includes(' '))
  expect(isWaiting()).toBe(false)
  await askMany(port, 100)
}, 240_000)
