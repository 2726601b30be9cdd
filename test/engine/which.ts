// Which of the engine test files run beside which engine: all of them beside the newest Docker, and beside each other one
// those that it can answer otherwise. Pure. Nothing is left out but what stands here, each with its reason.
import type { Version } from './install.ts'

const file = (name: string) => `test/engine/${name}.test.ts`

/** Their subject is berth itself, its image, or programs that ask it: the engine beneath is the same to them. */
const ofBerth = ['clients', 'compose', 'contexts', 'prometheus', 'readme', 'routes', 'stubs']
/** The synthetic engine has the fields of the newest; networks of today can only be made there, estates at random have them. */
const ofTheNewest = ['synthetic', 'today', 'random']
/** What 20.10 tells and does as 26.1: labels, sockets and their proxies, interfaces that come and go. */
const asOn26 = ['access', 'auto', 'edge', 'homes', 'labels', 'lost']

/** Not on Podman, with the reason. */
export const dockerOnly: Readonly<Record<string, string>> = {
  compare: 'podman-compare is its own, against aardvark-dns',
  random: 'Docker’s resolver at 127.0.0.11, and options of Docker’s drivers',
  engine: 'podman-service is its own',
  acceptance: '--link, and Docker’s resolver at 127.0.0.11, which Podman has not',
  soak: 'not at 0 wrong answers in each run with the killed service: open (docs/soak.md)',
  early: 'Podman tells nothing of a network before the start is over',
  today: 'options of Docker’s bridge driver',
  homes:
    'a network that is added there changes the container’s default route, and so the questions under way',
  labels: 'podman.test has it, on networks by the names that Podman gives them',
  'more-names': '--link and Swarm, which Podman has not',
  synthetic: 'its fields are Docker’s',
  edge: 'versions of Docker’s API',
  contexts: 'the docker command’s own',
  clients: 'they ask port 53, which aardvark-dns has',
  stubs: 'they ask port 53, which aardvark-dns has',
  auto: 'berth behind 127.0.0.11, which Podman has not',
  compose: 'berth’s image, by Docker’s builder',
  image: 'berth’s image, by Docker’s builder',
  readme: 'what it shows is said by Docker',
}

const excluded: Readonly<Record<Version, readonly string[]>> = {
  '28': [],
  // Docker's builder is tried at both ends.
  '26.1': [...ofBerth, ...ofTheNewest, 'image'],
  '20.10': [...ofBerth, ...ofTheNewest, ...asOn26],
  podman: Object.keys(dockerOnly),
}

/** What vitest is not to run beside that engine; one that no run was made for has all of Docker's. */
export function excludedFiles(engine: string | undefined): string[] {
  const names = excluded[engine as Version] ?? []
  return [...names.map(file), ...(engine === 'podman' ? [] : [file('podman*')])]
}
