// Networks and projects that are called like a public domain are told: once each, and so many.
import { expect, it } from 'vitest'
import { createPublicNameWarnings } from '../../../src/registry/public-names.ts'
import { container, estate, network } from '../resolve/estate.ts'

const project = (name: string) => ({
  labels: { 'com.docker.compose.project': name, 'com.docker.compose.service': 'web' },
})
const empty = estate([network('front', ['10.1.0.0/24'])], [])

function watch() {
  const said: string[] = []
  const warn = ({ why }: { why: string }) => void said.push(why)
  const tell = createPublicNameWarnings(empty, { warn } as never, () => 'docker.internal')
  return { said, tell }
}

it('says what is called so, what it means, and what to ask instead', () => {
  const { said, tell } = watch()
  tell(
    estate(
      [network('com', ['10.2.0.0/24']), network('front', ['10.1.0.0/24'])],
      [container('web', { front: { at: ['10.1.0.2'] } }, project('dev'))],
    ),
  )
  expect(said).toEqual([
    'the network com is called like a public domain: NAME.com means the public name for whoever is not on it; rename the network, or ask for NAME.com.docker.internal',
    'the project dev is called like a public domain: SERVICE.dev means the public name for whoever is not on it; rename the project, or ask for SERVICE.dev.docker.internal',
  ])
})

it('says it once, whatever comes and goes', () => {
  const { said, tell } = watch()
  for (let n = 0; n < 5; n++) {
    tell(estate([network('com', ['10.2.0.0/24'])], []))
    tell(empty)
  }
  expect(said).toHaveLength(1)
})

it('says nothing of other names, nor of networks without names', () => {
  const { said, tell } = watch()
  tell(
    estate(
      [
        network('host', [], { driver: 'host' }),
        network('com-net', ['10.2.0.0/24']),
        network('internal', ['10.3.0.0/24']),
      ],
      [container('web', { internal: { at: ['10.3.0.2'] } }, project('myshop'))],
    ),
  )
  expect(said).toEqual([])
})

it('is bounded: after a hundred it says that there are more', () => {
  const { said, tell } = watch()
  const names = Array.from({ length: 150 }, (_, n) => `n${n}.com`)
  tell(
    estate(
      names.map((name, n) => network(name, [`10.2.${n}.0/24`])),
      [],
    ),
  )
  tell(empty)
  tell(estate([network('another.com', ['10.9.0.0/24'])], []))
  expect(said).toHaveLength(101)
  expect(said.at(-1)).toBe('there are more, which are not logged')
})
