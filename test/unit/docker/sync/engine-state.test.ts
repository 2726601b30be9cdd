// What is handed over of an engine, step by step, is what is known of it: networks with the gateways in use, too.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ApiContainer, ApiNetwork } from '../../../../src/docker/api/types.ts'
import { completeNetwork, networkFrom } from '../../../../src/docker/model/network.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import type { Network } from '../../../../src/registry/types.ts'
import { labelRules, noImages } from '../label-rules.ts'

/** An engine older than API 1.52 does not tell the gateway that it took. */
const rawNetwork = (id: string, name: string, third: number): ApiNetwork => ({
  ...{ Id: id, Name: name, Driver: 'bridge' },
  IPAM: { Config: [{ Subnet: `10.0.${third}.0/24` }] },
})

const rawContainer = (
  id: string,
  running: boolean,
  places: readonly (readonly [network: string, gateway: string])[],
): ApiContainer => ({
  ...{ Id: id, Name: `/${id}`, State: { Running: running } },
  NetworkSettings: {
    Networks: Object.fromEntries(
      places.map(([network, Gateway]) => [network, { NetworkID: network, IPAddress: '10.0.1.9', Gateway }]),
    ),
  },
})

const networkIds = ['n1', 'n2']
const network = fc
  .tuple(fc.constantFrom(...networkIds), fc.constantFrom('front', 'back'), fc.nat(1))
  .map(([id, name, third]) => ({ id, raw: rawNetwork(id, name, third) }))
const place = fc.tuple(fc.constantFrom(...networkIds), fc.constantFrom('10.0.0.1', '10.0.0.254', '10.0.1.7'))
const container = fc
  .tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.boolean(),
    fc.uniqueArray(place, { selector: ([id]) => id, maxLength: 2 }),
  )
  .map(([id, running, places]) => ({ id, places, raw: rawContainer(id, running, places) }))
const step = fc.oneof(
  fc.record({ kind: fc.constant('network'), is: network, there: fc.boolean() }),
  fc.record({ kind: fc.constant('container'), is: container, there: fc.constantFrom(true, true, false) }),
)

it('what is handed over is all that is other, and networks have the gateways that running containers use', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 20 }), (steps) => {
      const known = createEngineState({
        ...{ engine: 'e', late() {}, invalidLabels() {}, labelRules: () => labelRules },
        images: noImages,
      })
      const networks = new Map<string, ApiNetwork>()
      const users = new Map<string, { running: boolean; places: readonly (readonly [string, string])[] }>()
      const told = new Map<string, Network | undefined>()
      for (const [at, [{ kind, is, there }, isTaken]] of steps.entries()) {
        if (kind === 'network') {
          const { id, raw } = is as { id: string; raw: ApiNetwork }
          if (there) known.keepNetwork(raw, at)
          else known.removeNetwork(id)
          if (there) networks.set(id, raw)
          else networks.delete(id)
        } else {
          const { id, places, raw } = is as { id: string; places: [string, string][]; raw: ApiContainer }
          if (there) known.keepContainer(raw, at)
          else known.removeContainer(id)
          if (there) users.set(id, { running: raw.State?.Running === true, places })
          else users.delete(id)
        }
        if (!isTaken) continue
        for (const [id, network] of known.takeChanges().networks) told.set(id, network)
        for (const id of networkIds) {
          const raw = networks.get(id)
          const used = [...users.values()].flatMap(({ running, places }) =>
            running ? places.filter(([on]) => on === id).map(([, gateway]) => gateway) : [],
          )
          const whole = raw && completeNetwork(networkFrom(raw, 'e'), new Set(used.sort()))
          expect(told.get(id)).toEqual(whole)
          expect(known.inventory().networks.get(id)).toEqual(whole)
          for (const name of ['front', 'back']) {
            const found = known.networkNamed(name)
            const ids = [...networks].flatMap(([each, { Name }]) => (Name === name ? [each] : []))
            if (ids.length === 0) expect(found).toBeUndefined()
            else expect(ids).toContain(found)
          }
        }
      }
    }),
    { numRuns: 300 },
  )
})
