// What is wrong with names is said once, however often their container or network is read.
import { expect, it } from 'vitest'
import type { ApiContainer } from '../../../../src/docker/api/types.ts'
import { limits } from '../../../../src/docker/model/limits.ts'
import { describeInvalidNames } from '../../../../src/docker/model/problems.ts'
import { createEngineState } from '../../../../src/docker/sync/engine-state.ts'
import { createLogLimit, problemLog } from '../../../../src/docker/sync/log-limit.ts'
import { createHandClock } from '../../../hand-clock.ts'
import { recordingLogger } from '../../forward/recording-logger.ts'
import { labelRules, noImages } from '../label-rules.ts'

function open() {
  const hand = createHandClock()
  const { log, lines } = recordingLogger()
  const known = createEngineState({
    ...{ engine: 'e', late() {}, labelRules: () => labelRules, images: noImages },
    ...problemLog('e', createLogLimit(hand.clock), log),
  })
  return {
    known,
    hand,
    said: () => lines.filter(({ msg }) => /names that no query can contain/.test(String(msg))),
  }
}
const raw = (Id: string, aliases: string[], Running = true): ApiContainer => ({
  ...{ Id, Name: `/${Id}`, State: { Running }, Config: { Hostname: Id } },
  NetworkSettings: { Networks: { n: { NetworkID: 'n1', IPAddress: '10.0.0.2', Aliases: aliases } } },
})

it('a container’s names that no question can be for are said once, with the reason, and not after each event', () => {
  const { known, said } = open()
  for (let i = 0; i < 20; i++)
    known.keepContainer(raw('web', ['db.', 'a\\b', 'fine', 'bücher'], i % 2 === 0), i)
  expect(said()).toEqual([
    expect.objectContaining({
      ...{ level: 'warn', engine: 'e', container: 'web' },
      names: ['"db.": it has a dot too many', '"a\\b": it has a backslash'],
    }),
  ])
  known.keepContainer(raw('web', ['fine']), 30)
  known.keepContainer(raw('web', ['other.']), 31)
  expect(said()).toHaveLength(2)
})

it('a container that is made again with the same names is not said again', () => {
  const { known, said } = open()
  for (let i = 0; i < 5; i++) {
    known.keepContainer({ ...raw(`id${i}`, ['db.']), Name: '/web' }, i)
    known.removeContainer(`id${i}`)
  }
  expect(said()).toHaveLength(1)
})

it('networks are said as well', () => {
  const { known, said } = open()
  for (let i = 0; i < 5; i++) {
    for (const Name of ['net.', 'fine', 'x'.repeat(64)]) {
      known.keepNetwork({ Id: Name, Name, Driver: 'bridge', Options: { i: String(i) } }, i)
    }
  }
  expect(said().map(({ network, names }) => [network, names])).toEqual([
    ['net.', ['"net.": it has a dot too many']],
    ['x'.repeat(64), [`"${'x'.repeat(64)}": a label of it is longer than 63 bytes`]],
  ])
})

it('of very many, and of very long ones, not all is said', () => {
  const names = Array.from({ length: 5000 }, (_, i) => `${i}.`)
  expect(describeInvalidNames(names)).toHaveLength(limits.problems + 1)
  expect(describeInvalidNames(names).at(-1)).toBe(`${5000 - limits.problems} more like these`)
  expect(describeInvalidNames(['x'.repeat(5000)])[0]!.length).toBeLessThan(200)
  const { known, said } = open()
  for (let i = 0; i < 2000; i++) known.keepContainer(raw(`c${i}`, ['db.']), i)
  expect(said().length).toBeLessThanOrEqual(50)
})
