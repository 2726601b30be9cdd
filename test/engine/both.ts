// The same question to Docker's own resolver and to berth, from the same container: same addresses?

import type { DigReply } from './dig.ts'
import { type Asked, digMany, keyOf } from './docker.ts'

export interface Compared {
  asked: Asked
  docker: DigReply | undefined
  berth: DigReply | undefined
}

/** Asks both, from inside `container`; the questions come from the engine and from the test, never from berth. */
export async function askBoth(
  container: string,
  berth: string,
  questions: readonly Asked[],
): Promise<Compared[]> {
  const [fromDocker, fromBerth] = [
    await digMany(container, { server: '127.0.0.11' }, questions),
    await digMany(container, { server: berth }, questions),
  ]
  return questions.map((asked) => ({
    asked,
    docker: fromDocker.get(keyOf(asked)),
    berth: fromBerth.get(keyOf(asked)),
  }))
}

/** Data of the records of the asked type, sorted: both shuffle. */
export function dataOf(reply: DigReply | undefined, type: string): string[] | undefined {
  return reply?.answers
    .filter((record) => record.type === type)
    .map(({ data }) => data)
    .sort()
}

/** Where Docker has an answer, berth must have the same. */
export function differences(compared: readonly Compared[]): string[] {
  return compared
    .filter(({ asked, docker }) => docker?.rcode === 'NOERROR' && dataOf(docker, asked.type)!.length > 0)
    .map(({ asked, docker, berth }) => ({
      asked,
      docker: dataOf(docker, asked.type),
      berth: dataOf(berth, asked.type),
    }))
    .filter(({ docker, berth }) => JSON.stringify(docker) !== JSON.stringify(berth))
    .map(({ asked, docker, berth }) => `${keyOf(asked)}: Docker ${docker}, berth ${berth}`)
}
