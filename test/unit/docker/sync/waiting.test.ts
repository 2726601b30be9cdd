// What a full list waits for before the table counts as whole.
import { expect, it } from 'vitest'
import type { EngineClient } from '../../../../src/docker/api/client.ts'
import { createReconciler } from '../../../../src/docker/sync/reconciler.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { createEstate } from '../../../tools/synthetic/estate.ts'
import { inspected, networkRow, row } from '../../../tools/synthetic/shapes.ts'
import { labelRules } from '../label-rules.ts'

/** Ten containers run; ten more, told before them, are being started: nobody answers their inspect. */
function open() {
  const estate = createEstate({ networks: 2, containers: 20, second: 0 }, () => 1_700_000_000_000)
  const ids = [...estate.containers.keys()]
  for (const id of ids.slice(0, 10)) {
    estate.stop(id)
    estate.beginStart(id)
  }
  const waiting = new Map<string, () => void>()
  const client = {
    listNetworks: async () => estate.networks.map(networkRow),
    listContainers: async () => [...estate.containers.values()].map((each) => row(each, 0)),
    inspectContainer: (id: string) =>
      new Promise((resolve) => waiting.set(id, () => resolve(inspected(estate.containers.get(id)!)))),
    imageLabels: async () => ({}),
  } as unknown as EngineClient
  const hand = createHandClock()
  const reconcile = createReconciler({
    ...{ engine: 'e', clock: hand.clock, random: () => 0, labelRules: () => labelRules, refused() {} },
    ...{ changed: () => {}, failed: () => {}, late: () => {}, invalidLabels: () => {} },
  })
  const told = { isOver: false }
  void reconcile.fullList(client).then(() => {
    told.isOver = true
  })
  const turn = async (ms: number) => {
    for (let i = 0; i < 50; i++) await Promise.resolve()
    hand.turn(ms)
    for (let i = 0; i < 50; i++) await Promise.resolve()
  }
  const running = ids.slice(10)
  return { reconcile, told, turn, waiting, running }
}

it('waits for the inspects of those that run as long as they come, though others block', async () => {
  const { reconcile, told, turn, waiting, running } = open()
  const names = (id: string) => reconcile.inventory().containers.get(id)!.endpoints[0]!.names
  await turn(1)
  for (const id of running) {
    expect(told.isOver).toBe(false)
    // Without its inspect it has the names that the list tells.
    expect(names(id)).toHaveLength(2)
    await turn(1500)
    waiting.get(id)!()
    await turn(0)
    expect(names(id)).toHaveLength(10)
  }
  expect(told.isOver).toBe(true)
})

it('waits for 2 s where no inspect comes at all', async () => {
  const { told, turn, reconcile, running } = open()
  await turn(1)
  await turn(1990)
  expect(told.isOver).toBe(false)
  await turn(10)
  expect(told.isOver).toBe(true)
  expect(running.every((id) => reconcile.inventory().containers.get(id)!.running)).toBe(true)
})
