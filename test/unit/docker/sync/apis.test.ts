// What each version of the API tells comes to the same facts: what later versions drop is not read.
import { describe, expect, it } from 'vitest'
import { isFollowed, parseEvent } from '../../../../src/docker/api/event-stream.ts'
import {
  isOfPlatform,
  readContainer,
  readContainerRow,
  readImageLabels,
  readNetwork,
} from '../../../../src/docker/api/validate.ts'
import { versionFromHeaders } from '../../../../src/docker/api/versions.ts'
import { rowSignature } from '../../../../src/docker/model/container.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { handleEvent } from '../../../../src/docker/sync/event-handler.ts'
import type { Reconciler } from '../../../../src/docker/sync/reconciler.ts'
import { bareImages, labelRules } from '../label-rules.ts'
import { type Api, apis, ping28 } from '../recorded.ts'

const wrong: string[] = []
const tell = (field: string) => void wrong.push(field)

function factsOf({ networks, containers }: Api) {
  const known = createEngineState({
    ...{ engine: 'e', labelRules: () => labelRules, images: bareImages, late() {}, invalidLabels() {} },
    supportsNoGateway: () => true,
  })
  for (const raw of networks) known.keepNetwork(readNetwork(raw, tell)!, 1)
  for (const raw of containers) known.keepContainer(readContainer(raw, tell)!, 1)
  const { networks: kept, containers: told } = known.inventory()
  return { networks: [...kept.values()], containers: [...told.values()] }
}

/** What each event has the reconcile do. */
function hintsOf({ events }: Api): unknown[] {
  const hints: unknown[] = []
  const reconcile = new Proxy({} as Reconciler, {
    get:
      (_, call) =>
      (...told: unknown[]) => {
        hints.push([call, ...told])
        return true
      },
  })
  for (const line of events) handleEvent(parseEvent(line)!, reconcile)
  return hints
}

describe.each(apis)('API $api', (api) => {
  const before = apis.find((each) => each.api === '1.51')!

  it('tells the containers and networks that 1.51 tells', () => {
    const facts = factsOf(api)
    expect(facts).toEqual(factsOf(before))
    const web = facts.containers.find(({ name }) => name === 'v-web')!
    const [front] = web.endpoints.filter(({ gatewayPriority }) => gatewayPriority === 1)
    expect(front!.names).toEqual(['v-web', 'shop', web.id.slice(0, 12), 'cashier'])
    expect([front!.v4.length, front!.v6.length, web.health]).toEqual([1, 1, 'healthy'])
    expect(wrong).toEqual([])
  })

  it('tells rows, labels of images and events as 1.51 does', () => {
    const rows = ({ rows }: Api) =>
      rows.map((row) => {
        const read = readContainerRow(row, tell)!
        return [read, rowSignature(read)]
      })
    expect(rows(api)).toEqual(rows(before))
    expect(readImageLabels(api.image, tell)).toEqual({ note: 'hi' })
    expect(isOfPlatform(api.image, '{"os":"linux","architecture":"arm64"}', tell)).toBe(false)
    const hints = hintsOf(api)
    expect(hints).toEqual(hintsOf(before))
    const done = new Set(hints.map((hint) => (hint as string[])[0]))
    expect([...done]).toEqual(expect.arrayContaining(['create', 'connect', 'rename', 'drop', 'queueNetwork']))
    expect(api.events.every((line) => isFollowed(parseEvent(line)!) || /"(commit|kill)"/.test(line))).toBe(
      true,
    )
    expect(wrong).toEqual([])
  })

  it('from 1.52 on, lacks what was dropped', () => {
    const isNew = Number(api.api.slice(2)) >= 52
    const text = JSON.stringify([api.containers, api.events])
    expect(/HairpinMode|\\"status\\":|\\"from\\":/.test(text)).toBe(!isNew)
    expect(JSON.stringify(api.networks).includes('"Status"')).toBe(isNew)
  })
})

it('28.5’s ping tells its versions', () => {
  expect(versionFromHeaders(ping28)).toMatchObject({
    apiVersion: '1.51',
    version: '28.5.2+dfsg4',
    product: 'Docker',
  })
})
