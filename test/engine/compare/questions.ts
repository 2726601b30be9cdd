// Every name that exists anywhere, in every form, as questions for one asker; from what the engine says.
import { reverseName } from '../../../src/dns/reverse.ts'
import type { Errand } from './asker.ts'
import type { Resident } from './estate.ts'
import { outsideAddresses, outsideNames } from './upstream.ts'

type Question = Errand['questions'][number]

const types = ['A', 'AAAA', 'MX', 'TXT', 'SRV', 'HTTPS']

/** What may be meant by aliases that are no plain names, besides the aliases themselves. */
const ofOddAliases = [
  ...[
    'kube',
    'züz',
    'c\\d',
    'cmpodd',
    'any.wild.example.net',
    'below.deep.wild.example.net',
    'wild.example.net',
  ],
  ...['xn--bcher-kva.example.net', 'example.net.hub', 'example.net.docker.internal'],
]

/** Names of containers and what is qualified by their networks; services; Compose's and labels' names. */
export function namesOf(all: readonly Resident[]): string[] {
  const names = new Set<string>(['host.docker.internal', 'any.app.example.net', ...ofOddAliases])
  const networks = new Set(all.flatMap(({ places }) => places.map(({ network }) => network)))
  for (const { name, places, links, labels, ports } of all) {
    names.add(name)
    names.add(`${name}.docker.internal`)
    for (const alias of links) names.add(alias)
    for (const place of places) for (const each of place.names) names.add(each)
    // The short id is one network's business as any name; qualified once is enough.
    for (const { network, names: own } of places) {
      for (const each of own.filter((own) => !/^[0-9a-f]{12}$/.test(own))) names.add(`${each}.${network}`)
    }
    const project = labels['com.docker.compose.project']
    const service = labels['com.docker.compose.service']
    if (project) names.add(`${service}.${project}`)
    if (project) names.add(`${labels['com.docker.compose.container-number']}.${service}.${project}`)
    for (const label of labels['berth.names']?.split(',') ?? []) names.add(label.replace('*', 'wild'))
    for (const port of ports) names.add(`_${port.replace('/', '._')}.${name}`)
  }
  // Some network that the container is not on.
  const away = [...networks]
  for (const [i, { name }] of all.entries()) names.add(`${name}.${away[i % away.length]}`)
  // An empty label can't be asked for: the name would end there.
  return [...names].filter((name) => !name.includes('..'))
}

/** Each asker asks one in `share` of the questions, not the same ones as its neighbour. */
export function questionsFor(asker: number, all: readonly Resident[], share: number): Question[] {
  const questions: Question[] = []
  for (const name of namesOf(all)) {
    for (const type of types) questions.push([name, type], [otherCase(name), type])
    // What is nobody's is as good in one type as in another.
    questions.push([mistyped(name), types[questions.length % types.length]!])
  }
  for (const name of outsideNames) {
    for (const type of types) questions.push([name, type], [otherCase(name), type])
    questions.push([`${name}.hub`, 'A'], [mistyped(name), 'A'])
  }
  const inside = all.flatMap(({ places }) => places.flatMap(({ addresses }) => addresses))
  for (const address of [...inside, ...outsideAddresses]) {
    questions.push([reverseName(address), 'PTR'], [otherCase(reverseName(address)), 'PTR'])
  }
  // Inside a subnet, but nobody's; and outside of all.
  for (const address of ['198.18.0.250', 'fd00:c0::dead', '192.0.2.200']) {
    questions.push([reverseName(address), 'PTR'])
  }
  return questions.filter((_, i) => (i * 7 + asker) % share === 0)
}

function otherCase(name: string): string {
  const upper = name.toUpperCase()
  return upper === name ? name.toLowerCase() : upper
}

function mistyped(name: string): string {
  const [first = '', ...rest] = name.split('.')
  return [`${first.slice(0, 1)}x${first.slice(1)}`, ...rest].join('.')
}
