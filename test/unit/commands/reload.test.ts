// Following the configuration: when it is read again, what is made of a bad one, and what is told and counted.
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createReload } from '../../../src/commands/reload.ts'
import { createConfigMetrics } from '../../../src/config/config-metrics.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { readingOf } from '../../../src/config/reading.ts'
import type { Config, FoundEngine } from '../../../src/config/types.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { createLogger } from '../../../src/lib/log.ts'
import { createHandClock } from '../../hand-clock.ts'

/** Follows a real file by a clock that the test turns. */
async function follow(first: string, found?: FoundEngine) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-reload-'))
  const file = join(folder, 'berth.yml')
  writeFileSync(file, first)
  const hand = createHandClock()
  hand.turn(1_000)
  const lines: Record<string, unknown>[] = []
  const log = createLogger({ level: 'debug', destination: { write: (line) => lines.push(JSON.parse(line)) } })
  const engine: { path: string | undefined; looks: number; found: FoundEngine | undefined } = {
    ...{ path: undefined, looks: 0, found },
  }
  const load = () => {
    const config = loadConfig({ file, env: {}, flags: {}, parseEngineAddress })
    const { path, found } = engine
    if (found === undefined) return readingOf(config)
    const engines = [{ name: path ?? '/none', address: parseEngineAddress(path ?? '/none') }]
    const isMissing = path === undefined
    return readingOf({ ...config, docker: { ...config.docker, engines, found: { ...found, isMissing } } })
  }
  const counters = createConfigMetrics(1)
  const applied: Config[] = []
  const applying = { wait: Promise.resolve(), fails: false, begun: 0 }
  let reads = 0
  const reload = createReload({
    ...{ reading: load(), text: first, load, counters, clock: hand.clock, log },
    read: (path) => readFile(path, 'utf8').finally(() => reads++),
    async lookForEngine() {
      engine.looks++
      return engine.path
    },
  })
  reload.start(async (config) => {
    applying.begun++
    await applying.wait
    if (applying.fails) throw new Error('a bug')
    applied.push(config)
  })
  const settle = async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  await settle()
  return {
    ...{ folder, file, reload, lines, applied, applying, settle, engine },
    write: (text: string) => writeFileSync(file, text),
    /** So many looks at the file; each is waited for. */
    async look(times = 1) {
      for (let i = 0; i < times; i++) {
        const before = reads
        hand.turn(2_000)
        while (reads === before) await settle()
        await settle()
      }
    },
    async signal() {
      const before = lines.length
      reload.request()
      while (lines.length === before) await settle()
    },
    counted: () => ({
      ok: counters.reloads.cell('ok').value,
      refused: counters.reloads.cell('refused').value,
      success: counters.lastSuccess.cell().value,
      at: counters.lastReload.cell().value,
    }),
  }
}

describe('an engine at one of the usual places', () => {
  const nowhere: FoundEngine = { by: 'place', text: 'a usual place' }

  it('is looked for until one answers, and then no more', async () => {
    const { engine, look, applied, lines } = await follow('ttl: 1', nowhere)
    await look(3)
    expect([engine.looks, lines]).toEqual([3, []])
    engine.path = '/run/podman/podman.sock'
    await look()
    expect(applied.map(({ docker }) => docker.engines.map(({ name }) => name))).toEqual([[engine.path]])
    expect(lines).toMatchObject([
      { level: 'info', cause: 'engine', changed: ['docker.engines'] },
      { level: 'info', engine: 'unix:///run/podman/podman.sock', how: 'a usual place' },
    ])
    await look(3)
    expect(engine.looks).toBe(4)
  })

  it('is not looked for where one is named, from the start or since', async () => {
    const named = await follow('ttl: 1')
    await named.look(3)
    expect(named.engine.looks).toBe(0)
    const { engine, write, look } = await follow('ttl: 1', nowhere)
    await look()
    engine.found = undefined
    write('ttl: 2')
    await look(2)
    const { looks } = engine
    await look(3)
    expect(engine.looks).toBe(looks)
  })

  it('that comes while the configuration is wrong is told of less and less often', async () => {
    const { engine, write, look, lines, applied } = await follow('ttl: 1', nowhere)
    write('ttl: x')
    engine.path = '/late.sock'
    await look(40)
    const refused = lines.filter(({ cause }) => cause === 'engine').length
    expect(refused).toBeGreaterThan(1)
    expect(refused).toBeLessThan(7)
    write('ttl: 2')
    await look(2)
    expect(applied.at(-1)).toMatchObject({ ttl: 2, docker: { engines: [{ name: '/late.sock' }] } })
  })
})

describe('the file', () => {
  it('is read again once it says the same twice, and not before', async () => {
    const { write, look, applied, lines, counted } = await follow('ttl: 1\n')
    expect(counted()).toEqual({ ok: 0, refused: 0, success: 1, at: 1 })
    await look(3)
    expect(lines).toEqual([])
    write('ttl: 2')
    await look()
    write('ttl: 25')
    await look()
    expect(applied).toEqual([])
    await look()
    expect(applied.map(({ ttl }) => ttl)).toEqual([25])
    expect(lines).toMatchObject([{ level: 'info', cause: 'file', changed: ['ttl'] }])
    expect(counted()).toEqual({ ok: 1, refused: 0, success: 1, at: 13 })
    await look(3)
    expect(lines).toHaveLength(1)
  })

  it('may be replaced by rename, be another through a symbolic link, and be gone for a moment', async () => {
    const { folder, file, look, applied, lines } = await follow('ttl: 1')
    writeFileSync(join(folder, 'next'), 'ttl: 2')
    renameSync(join(folder, 'next'), file)
    await look(2)
    for (const day of [3, 4]) {
      mkdirSync(join(folder, `day-${day}`))
      writeFileSync(join(folder, `day-${day}`, 'berth.yml'), `ttl: ${day}`)
    }
    symlinkSync('day-3', join(folder, 'data'))
    unlinkSync(file)
    await look()
    symlinkSync('data/berth.yml', file)
    await look(2)
    symlinkSync('day-4', join(folder, 'data-next'))
    renameSync(join(folder, 'data-next'), join(folder, 'data'))
    await look(2)
    expect(applied.map(({ ttl }) => ttl)).toEqual([2, 3, 4])
    expect(lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('that is wrong is refused once, with every problem in it, and changes nothing', async () => {
    const { file, write, look, signal, applied, lines, counted } = await follow('ttl: 1')
    write('ttl: 1\nlisten: nowhere:x\nhost: {}\n')
    await look(4)
    expect(applied).toEqual([])
    expect(lines).toMatchObject([
      {
        level: 'error',
        cause: 'file',
        problems: [
          expect.stringMatching(new RegExp(`^${file}:2:9: listen: `)),
          expect.stringMatching(new RegExp(`^${file}:3:1: host: unknown key; did you mean "hosts"`)),
        ],
      },
    ])
    expect(counted()).toEqual({ ok: 0, refused: 1, success: 0, at: 1 })
    await signal()
    expect(counted()).toMatchObject({ refused: 2 })
    write('ttl: 1\n')
    await look(2)
    expect(lines.at(-1)).toMatchObject({ level: 'debug', msg: 'configuration reloaded, nothing changed' })
    expect(counted()).toMatchObject({ ok: 1, success: 1 })
    expect(applied).toEqual([])
  })

  it('that is gone is a wrong one', async () => {
    const { file, look, lines, applied } = await follow('ttl: 1')
    unlinkSync(file)
    await look(4)
    expect(lines).toMatchObject([{ level: 'error', problems: [`${file}: cannot be read: no such file`] }])
    writeFileSync(file, 'ttl: 1')
    await look(2)
    expect(lines).toHaveLength(2)
    expect(applied).toEqual([])
  })
})

describe('a signal', () => {
  it('reads it at once, and the file’s next looks find nothing new', async () => {
    const { write, signal, look, applied, lines } = await follow('ttl: 1')
    write('ttl: 2\nhosts: {a.test: 192.0.2.1}')
    await signal()
    expect(applied).toHaveLength(1)
    await look(3)
    expect(lines).toMatchObject([{ level: 'info', cause: 'SIGHUP', changed: ['ttl', 'hosts'] }])
    await signal()
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'configuration reloaded, nothing changed' })
    expect(applied).toHaveLength(1)
  })

  it('waits while another one is being done', async () => {
    const { write, reload, applied, applying, lines, settle } = await follow('ttl: 1')
    let release = () => {}
    applying.wait = new Promise((resolve) => {
      release = resolve
    })
    write('ttl: 2')
    reload.request()
    while (applying.begun === 0) await settle()
    reload.request()
    await settle()
    expect(applying.begun).toBe(1)
    expect(lines).toEqual([])
    write('ttl: 3')
    release()
    while (lines.length < 2) await settle()
    expect(applied.map(({ ttl }) => ttl)).toEqual([2, 3])
  })

  it('is one more reading, however many come while one is being done', async () => {
    const { write, reload, applied, applying, settle, counted } = await follow('ttl: 1')
    let release = () => {}
    applying.wait = new Promise((resolve) => {
      release = resolve
    })
    write('ttl: 2')
    reload.request()
    while (applying.begun === 0) await settle()
    write('ttl: 3')
    for (let i = 0; i < 1000; i++) reload.request()
    const before = counted()
    release()
    while (applied.length < 2) await settle()
    await settle()
    expect(counted().ok - before.ok).toBe(2)
  })

  it('tells what is dubious about the new configuration, and not again what was before', async () => {
    const { write, signal, lines } = await follow('http: "*:9153"')
    write('http: "*:9153"\nscope: {allow: ["0.0.0.0/0"]}\nlisten: ["*:53"]')
    await signal()
    const warnings = lines.filter(({ level }) => level === 'warn').map(({ warning }) => String(warning))
    expect(warnings).toEqual([expect.stringMatching(/^scope\.allow includes every address/)])
  })

  it('says what of it takes effect only at the next start', async () => {
    const berth = await follow('udp: plain')
    berth.write('udp: auto')
    await berth.signal()
    await berth.settle()
    const told = berth.lines.find(({ msg }) => msg === 'these settings take effect at the next start')
    expect(told).toMatchObject({ level: 'warn', changed: ['udp'] })
  })

  it('survives a mistake of our own, and tries all of it again', async () => {
    const { write, signal, applied, applying, lines, counted } = await follow('ttl: 1')
    applying.fails = true
    write('ttl: 2')
    await signal()
    expect(lines).toMatchObject([{ level: 'error', why: 'a bug' }])
    expect(counted()).toMatchObject({ success: 0 })
    applying.fails = false
    await signal()
    expect(applied.map(({ ttl }) => ttl)).toEqual([2])
    expect(counted()).toMatchObject({ success: 1 })
  })

  it('does nothing any more once it is stopped', async () => {
    const { write, reload, settle, applied, lines } = await follow('ttl: 1')
    reload.stop()
    write('ttl: 2')
    reload.request()
    await settle()
    expect([applied, lines]).toEqual([[], []])
  })
})
