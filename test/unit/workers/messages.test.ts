// What is kept of a message holds no more memory than it says.
import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { parseEngineAddress } from '../../../src/docker/api/address.ts'
import { createStore } from '../../../src/registry/store.ts'
import { withOwnBytes } from '../../../src/workers/messages.ts'
import { seenIn } from '../registry/whole.ts'
import { container, network } from '../resolve/estate.ts'

const message = () => ({
  kind: 'start',
  secret: new Uint8Array([1, 2, 3]),
  list: [{ bytes: new Uint8Array(4) }, { bytes: Buffer.from('abc') }],
  map: new Map<string, unknown>([
    ['a', { bytes: new Uint8Array([7]) }],
    ['b', new Uint8Array([8])],
  ]),
  set: new Set(['x']),
  nothing: undefined,
  none: null,
  text: 'text',
})

function* arraysIn(value: unknown): Generator<Uint8Array> {
  if (value instanceof Uint8Array) yield value
  else if (value instanceof Map) for (const each of value.values()) yield* arraysIn(each)
  else if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) yield* arraysIn(each)
}

describe('bytes of a message', () => {
  it('are the same, in memory of their own', () => {
    const came = deserialize(serialize(message()))
    const arrays = () => [...arraysIn(came)]
    expect(arrays()).toHaveLength(5)
    expect(arrays().some(({ buffer, byteLength }) => buffer.byteLength > byteLength)).toBe(true)
    expect(withOwnBytes(came)).toEqual(message())
    expect(arrays()).toHaveLength(5)
    for (const { buffer, byteLength } of arrays()) expect(buffer.byteLength).toBe(byteLength)
  })

  it('may be all there is', () => {
    const buffer = Buffer.from('abcdef').subarray(2, 4)
    expect(withOwnBytes(buffer)).toEqual(Buffer.from('cd'))
    expect(withOwnBytes(7)).toBe(7)
  })
})

/** As a message is when it has come. */
const carried = <T>(value: T): T => withOwnBytes(deserialize(serialize(value)))

describe('what a worker begins with', () => {
  it('is the whole configuration', () => {
    const flags = {
      ...{
        'scope.allow': '192.0.2.0/24,2001:db8::/32',
        hosts: '{web.test: {addresses: [192.0.2.1], networks: [a]}}',
      },
      ...{ 'forward.zones': '{corp.example: ["198.51.100.53"]}', 'forward.rebindAllow': '[corp.example]' },
    }
    const config = loadConfig({ file: 'config/berth.yml', env: {}, flags, parseEngineAddress })
    expect(config.scope.allow).toHaveLength(2)
    expect(carried(config)).toEqual(config)
  })

  it('is the whole table', () => {
    const first = createStore(['one', 'two'], [['two', 'routed']])
    const networks = [
      network('front', ['172.18.0.0/16', '2001:db8:1::/64']),
      network('back', ['172.19.0.0/16']),
    ]
    const links = new Map([['alias', 'db']])
    const containers = [
      container('web', {
        front: { at: ['172.18.0.2', '2001:db8:1::2'], links },
        back: { at: ['172.19.0.2'] },
      }),
      container(
        'db',
        { back: { at: ['172.19.0.3'] } },
        { ports: [{ number: 53, protocol: 'udp', name: 'dns' }] },
      ),
    ]
    first.apply({
      ...{ kind: 'update', engine: 'one' },
      networks: networks.map((each) => [each.id, each]),
      containers: containers.map((each) => [each.id, each]),
    })
    first.apply({ kind: 'away', engine: 'one', away: true })
    const replica = createStore([])
    for (const change of carried(first.asChanges())) replica.apply(change)
    expect(seenIn(replica.current())).toEqual(seenIn(first.current()))
    expect(replica.current().engines).toEqual(first.current().engines)
    const gone = {
      kind: 'update',
      engine: 'one',
      networks: [],
      containers: [[containers[1]!.id, undefined]],
    } as const
    first.apply(gone)
    replica.apply(carried(gone))
    expect(first.current().known.has('db')).toBe(false)
    expect(seenIn(replica.current())).toEqual(seenIn(first.current()))
  })
})
