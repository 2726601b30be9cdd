// What an event costs: reading an inspect, and the next snapshot.
import { bench, do_not_optimize, group } from 'mitata'
import { parseEvent } from '../../../../src/docker/api/event-stream.ts'
import type { ApiContainer } from '../../../../src/docker/api/types.ts'
import { containerFrom } from '../../../../src/docker/model/container.ts'
import type { Container } from '../../../../src/registry/types.ts'
import { createEstate } from '../../synthetic/estate.ts'
import { eventLine, inspected } from '../../synthetic/shapes.ts'
import { changeOf, containersOf, estateOf, inTurn, storeOf } from './world.ts'

type State = { get(name: string): number }

export function benchEvents(): void {
  group('events', () => {
    bench('event read', function* () {
      const next = inTurn(eventLines(1000))
      yield () => do_not_optimize(parseEvent(next()))
    })

    bench('inspect read', function* () {
      const texts = [...estateOf(1000).containers.values()].map((each) => JSON.stringify(inspected(each)))
      const next = inTurn(texts)
      yield () => do_not_optimize(containerFrom(JSON.parse(next()) as ApiContainer, 'e', () => undefined))
    })

    bench('snapshot after one event, $containers containers', function* (state: State) {
      const estate = estateOf(state.get('containers'))
      const store = storeOf(changeOf(estate))
      const next = inTurn(restarts(containersOf(estate)))
      yield () => {
        const container = next()
        const containers = [[container.id, container]] as const
        store.apply({ kind: 'update', engine: 'e', networks: [], containers })
        do_not_optimize(store.current())
      }
    }).args('containers', [100, 10_000])

    bench('snapshot from nothing, $containers containers', function* (state: State) {
      const change = changeOf(estateOf(state.get('containers')))
      yield () => do_not_optimize(storeOf(change).current())
    }).args('containers', [100, 1000])
  })
}

/** Each container stopped, and each running again, so that every one of them is news, also the next time round. */
function restarts(containers: readonly Container[]): Container[] {
  const stopped = containers.map((container) => ({
    ...container,
    running: false,
    endpoints: container.endpoints.map((endpoint) => ({ ...endpoint, v4: [], v6: [] })),
  }))
  return [...stopped, ...containers]
}

function eventLines(count: number): string[] {
  const estate = createEstate({ networks: 10, containers: 100 }, () => 1_700_000_000_000)
  const lines: string[] = []
  estate.onEvent((event) => lines.push(eventLine(event)))
  while (lines.length < count) {
    for (const { id, state } of estate.containers.values()) {
      if (state === 'running') estate.stop(id)
      else {
        estate.beginStart(id)
        estate.finishStart(id)
      }
    }
  }
  return lines
}
