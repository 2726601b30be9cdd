// Whatever stands in any place of an engine's answers: nothing throws, and what stands beside it is read.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseEvent } from '../../../../src/docker/api/event-stream.ts'
import { isId } from '../../../../src/docker/api/fields.ts'
import { readContainer, readContainerRow, readNetwork } from '../../../../src/docker/api/validate.ts'
import { parseContainer, parseNetwork } from '../../../../src/docker/api/wanted-json.ts'
import {
  containerFrom,
  containerFromRow,
  rowSignature,
  updateFromRow,
} from '../../../../src/docker/model/container.ts'

import { memberAddresses } from '../../../../src/docker/model/network.ts'
import { createEngineState, type EngineState } from '../../../../src/docker/sync/engine-state.ts'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { createStore, type Store } from '../../../../src/registry/store.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { bareImages, labelRules } from '../label-rules.ts'
import { recorded } from '../recorded.ts'

type Path = readonly (string | number)[]

/** The places of every value within, the whole first. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))]
}

function put(value: unknown, path: Path, other: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return other
  if (Array.isArray(value)) return value.map((inner, i) => (`${i}` === key ? put(inner, rest, other) : inner))
  const entries = Object.entries(value as object)
  return Object.fromEntries(entries.map(([k, inner]) => [k, k === key ? put(inner, rest, other) : inner]))
}

const odd = fc.constantFrom<unknown>(
  ...[null, true, -1, 1e308, '', '\ud800', '__proto__', 'constructor', '..', 'a/b', 'x'.repeat(2000)],
  ...['0.0.0.0/0', '::/0', '10.0.0.0/999', '10.0.0.9/8/8', 'fe80::1%eth0', '0001-01-01T00:00:00Z', 'soon'],
  ...[[], [[[[null]]]], [null], [5, 'a'], {}, { a: null }, { a: [] }, { 'berth.names': 7 }],
  ...[JSON.parse('{"__proto__":{"Id":"x"},"constructor":null}'), JSON.parse('{"__proto__":null}')],
)
const anything = fc.oneof(
  odd,
  fc.jsonValue({ noUnicodeString: false } as never),
  fc.dictionary(fc.string(), odd),
)

/** One of these with something else in one place, as its JSON text. */
const changed = (values: readonly unknown[]) => {
  const places = values.flatMap((value, at) => placesIn(value).map((path) => ({ at, path })))
  return fc
    .tuple(fc.constantFrom(...places), anything)
    .map(([{ at, path }, other]) => JSON.stringify(put(values[at], path, other)) ?? 'null')
}

const ignore = () => {}

function store(): { known: EngineState; store: Store; tell(): void } {
  const known = createEngineState({
    ...{ engine: 'e', late: ignore, invalidLabels: ignore },
    ...{ labelRules: () => labelRules, images: bareImages },
  })
  const table = createStore(['e'])
  const tell = () => table.apply({ kind: 'update', engine: 'e', ...known.takeChanges() })
  return { known, store: table, tell }
}

const namesIn = (table: Store) =>
  table.current().tables.flatMap(({ names }) => [...names].map(([name]) => name))

describe.each(recorded)('of engine $engine', ({ containers, rows, networks, events }) => {
  const others = containers.map((raw) => readContainer(raw, ignore)!)

  it('every recorded answer is read, and nothing of it is wrong', () => {
    const wrong: string[] = []
    const note = (field: string) => wrong.push(field)
    for (const raw of containers)
      expect(readContainer(raw, note)).toMatchObject({ Id: raw.Id, Name: raw.Name })
    for (const raw of rows)
      expect(readContainerRow(raw, note)).toMatchObject({ Id: raw.Id, Names: raw.Names })
    for (const raw of networks) expect(readNetwork(raw, note)).toMatchObject({ Id: raw.Id, Name: raw.Name })
    for (const line of events) expect(parseEvent(line)).toBeDefined()
    expect(wrong).toEqual([])
  })

  it('an inspect with anything in any place hurts nobody else', () => {
    const calm = store()
    for (const raw of others) calm.known.keepContainer(raw, 1)
    for (const raw of networks) calm.known.keepNetwork(raw, 1)
    calm.tell()
    const names = namesIn(calm.store)
    fc.assert(
      fc.property(changed(containers), (text) => {
        const { known, store: table, tell } = store()
        for (const raw of networks) known.keepNetwork(raw, 1)
        const told = readContainer(parseContainer(text), ignore)
        if (told !== undefined) {
          // Of its own, beside all others.
          known.keepContainer({ ...told, Id: 'stranger' }, 1)
          containerFrom(told, 'e', () => undefined)
        }
        for (const raw of others) known.keepContainer(raw, 2)
        tell()
        expect(namesIn(table)).toEqual(expect.arrayContaining(names))
      }),
      { numRuns: 500 },
    )
  })

  it('a row with anything in any place hurts nobody else', () => {
    fc.assert(
      fc.property(changed(rows), (text) => {
        const row = readContainerRow(parseContainer(text), ignore)
        if (row === undefined) return
        expect(isId(row.Id)).toBe(true)
        const { known, tell } = store()
        for (const raw of networks) known.keepNetwork(raw, 1)
        rowSignature(row)
        known.setContainer(containerFromRow(row, 'e', known.networkNamed), 1)
        tell()
        const before = containerFrom({ ...others[0]!, Id: row.Id }, 'e', known.networkNamed)
        known.setContainer(updateFromRow(before, row), 2)
        tell()
      }),
      { numRuns: 500 },
    )
  })

  it('a network with anything in any place hurts nobody else', () => {
    fc.assert(
      fc.property(changed(networks), (text) => {
        const raw = readNetwork(parseNetwork(text), ignore)
        const { known, store: table, tell } = store()
        if (raw !== undefined) {
          known.keepNetwork(raw, 1)
          for (const id of ['__proto__', 'constructor', ...others.map(({ Id }) => Id)])
            memberAddresses(raw, id)
        }
        for (const each of others) known.keepContainer(each, 1)
        tell()
        table.current().subnets.holding(Uint8Array.of(10, 0, 0, 1))
      }),
      { numRuns: 500 },
    )
  })

  it('an event with anything in any place is followed or left', () => {
    const { clock } = createHandClock()
    const reconcile = createReconciler({
      ...{ engine: 'e', clock, random: () => 0, changed: ignore, failed: ignore, late: ignore },
      invalidLabels: ignore,
      ...{ labelRules: () => labelRules, refused: ignore },
    })
    fc.assert(
      fc.property(changed(events.map((line) => JSON.parse(line))), (text) => {
        const event = parseEvent(text)
        if (event !== undefined) handleEvent(event, reconcile)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what is wrong', () => {
  it('counts as absent, and is named', () => {
    const wrong: string[] = []
    const told = readContainer(
      {
        ...{ Id: 'a1', Name: '/web', State: { Running: 'yes', Status: 7 }, Config: [] },
        NetworkSettings: { Networks: { front: { IPAddress: 5, Aliases: ['a', 6] }, back: 'x', gone: null } },
      },
      (field) => wrong.push(field),
    )
    expect(told).toMatchObject({ State: { Running: undefined }, Config: undefined })
    expect(told!.NetworkSettings!.Networks).toEqual({ front: expect.objectContaining({ Aliases: ['a'] }) })
    expect(wrong).toEqual([
      ...['Config', 'State.Status', 'State.Running', 'IPAddress', 'Aliases', 'NetworkSettings.Networks'],
    ])
  })

  it.each([null, 7, [], {}, { Id: 5 }, { Id: '../x', Name: 'a' }, { Id: '\ud800', Name: 'a' }, { Id: '' }])(
    'is all of it where there is no id: %j',
    (told) => {
      for (const read of [readContainer, readContainerRow, readNetwork]) {
        const wrong: string[] = []
        expect(read(told, (field) => wrong.push(field))).toBeUndefined()
        expect(wrong).toHaveLength(1)
      }
    },
  )
})

describe('a row', () => {
  it('keeps of its labels those that are read, unless they are far too long', () => {
    const Labels = {
      ...{
        'berth.names': 'a',
        'com.docker.compose.project': 'p',
        note: 'x',
        'berth.ttl': 'x'.repeat(70_000),
      },
    }
    expect(readContainerRow({ Id: 'a', Labels }, ignore)!.Labels).toEqual({
      ...{ 'berth.names': 'a', 'com.docker.compose.project': 'p' },
    })
  })
})

describe('a long text', () => {
  const [engine] = recorded
  const long = { Env: Array(2000).fill('A=B'.repeat(10)), Odd: '"},{\\' }

  it('tells the same as a short one of what is read', () => {
    for (const raw of engine!.containers) {
      const text = JSON.stringify({ ...long, ...raw, Config: { ...raw.Config, ...long }, Mounts: long })
      expect(text.length).toBeGreaterThan(100_000)
      const ours = Object.entries(raw.Config!.Labels ?? {}).filter(([key]) =>
        /^(berth|com.docker)\./.test(key),
      )
      const short = { ...raw, Config: { ...raw.Config, Labels: Object.fromEntries(ours) } }
      expect(readContainer(parseContainer(text), ignore)).toEqual(readContainer(short, ignore))
    }
    for (const raw of engine!.networks) {
      const text = JSON.stringify({ ...long, ...raw }, undefined, 1)
      expect(readNetwork(parseNetwork(text), ignore)).toEqual(readNetwork(raw, ignore))
    }
  })

  it.each([
    ['cut', '{"Id":"a","Name":"b","Env":["'],
    ['no object', `[${'1,'.repeat(20_000)}1]`],
    ['deep', `{"Id":"a","Name":"b","State":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
    ['without a colon', `{"Id" "a"${' '.repeat(20_000)}}`],
  ])('that is %s does not throw', (_, text) => {
    const padded = text.padEnd(20_000)
    const told = parseContainer(padded)
    if (told !== undefined) expect(readContainer(told, ignore)?.State).toBeUndefined()
  })
})
