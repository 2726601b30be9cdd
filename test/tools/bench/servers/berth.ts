// berth with its default configuration, in three shapes: as it comes, with plain dgram, and with a socket for each network.
import { type Berth, startBerth } from '../../../engine/berth.ts'
import { askedAtGateways, askedAtOne, type Contender, type Scene, type Started } from './contender.ts'

const port = 53
/** It may have 5,000 containers to inspect, on a busy machine; ms. */
const patience = 60_000

export const berth: Contender = {
  name: 'berth',
  start: (scene) => start(scene, {}),
}

export const plainBerth: Contender = {
  name: 'berth, plain dgram',
  start: (scene) => start(scene, { udp: 'plain' }),
}

export const gatewayBerth: Contender = {
  name: 'berth, at each gateway',
  async start(scene) {
    const listen = scene.world.gateways.map((gateway) => `${gateway}:${port}`)
    return { ...(await start(scene, { listen })), ...askedAtGateways(scene, port) }
  },
}

/** As it comes, with a profile of its whole life written into `folder` at its end, a sample each `interval` µs. */
export const profiledBerth = (folder: string, interval: number): Contender => ({
  name: 'berth',
  start: (scene) =>
    start(
      scene,
      {},
      {
        node: ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${interval}`],
      },
    ),
})

/** Another build: `program` is its main.js. Only settings that the first berth already had, for it may be an old one. */
export const builtBerth = (name: string, program: string): Contender => ({
  name,
  start: (scene) => start(scene, {}, { program }),
})

async function start(
  scene: Scene,
  more: object,
  run: { node?: readonly string[]; program?: string } = {},
): Promise<Started> {
  const { place, world } = scene
  const berth = await startBerth(
    {
      listen: [`${place.address}:${port}`],
      docker: { engines: [world.url] },
      forward: { upstreams: [place.upstream] },
      ...more,
    },
    'host',
    { within: ['taskset', '--cpu-list', String(place.cores.server)], patience, ...run },
  )
  checkWhole(berth)
  world.move()
  return {
    ...askedAtOne(scene, port),
    pid: berth.child.pid!,
    async stop() {
      world.rest()
      await berth.stop()
    },
  }
}

/** `ready` also comes when a first look at the engine has failed. */
function checkWhole({ lines }: Berth): void {
  const wrong = lines.filter(({ level }) => level === 'error' || level === 'stderr')
  if (wrong.length > 0) throw new Error(`berth has trouble: ${wrong.map((line) => JSON.stringify(line))}`)
}
