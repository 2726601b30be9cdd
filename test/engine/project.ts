// Brings the test project up, with Compose or by hand, and says from the engine what is in it: berth is never asked.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { docker, runContainer, until } from './docker.ts'

const run = promisify(execFile)
const file = fileURLToPath(new URL('project/compose.yml', import.meta.url))

/** A container on one network, as `docker inspect` tells it. */
export interface Member {
  container: string
  network: string
  v4: string | undefined
  v6: string | undefined
  gateway: string
  gateway6: string | undefined
  /** Container name, aliases, short id, hostname. */
  names: string[]
}

export async function bringUp(): Promise<void> {
  if (process.env.COMPOSE) {
    await run(process.env.COMPOSE, ['--file', file, 'up', '--detach', '--quiet-pull'])
    return
  }
  // Engine 20.10 comes without Compose: what Compose would submit, by hand.
  await docker('network', 'create', 'shop_front')
  await docker('network', 'create', '--ipv6', '--subnet', 'fd00:beef::/64', 'shop_back')
  await docker('network', 'create', 'shop_alone')
  await docker('network', 'create', '--internal', 'shop_sealed')
  for (const n of [1, 2]) {
    await runContainer(`shop-web-${n}`, '--network', 'shop_front', '--network-alias', 'web')
    await docker('network', 'connect', '--alias', 'web', 'shop_back', `shop-web-${n}`)
  }
  const db = ['--network', 'shop_back', '--network-alias', 'db', '--network-alias', 'postgres']
  await runContainer('shop-db-1', ...db, '--hostname', 'storage')
  await runContainer('shop-lonely-1', '--network', 'shop_alone', '--network-alias', 'lonely')
  await runContainer('shop-shut-1', '--network', 'shop_sealed', '--network-alias', 'shut')
}

export async function takeDown(): Promise<void> {
  await removeContainers('shop-')
  await removeNetworks('shop_front', 'shop_back', 'shop_alone', 'shop_sealed')
}

/** Removes every container whose name starts so. */
export async function removeContainers(prefix: string): Promise<void> {
  const ids = (await docker('ps', '-aq', '--filter', `name=^/?${prefix}`)).split('\n').filter(Boolean)
  if (ids.length > 0) await docker('rm', '--force', ...ids)
}

/** Removes networks, and what is left on them: engine 20.10 keeps a removed container's endpoint now and then. */
export async function removeNetworks(...networks: string[]): Promise<void> {
  for (const network of networks) {
    await until(() => removeNetwork(network), { what: `${network} is removed` })
  }
}

async function removeNetwork(network: string): Promise<boolean> {
  const format = '{{range .Containers}}{{.Name}} {{end}}'
  const left = await docker('network', 'inspect', '--format', format, network)
  for (const container of left.split(' ').filter(Boolean)) {
    await docker('network', 'disconnect', '--force', network, container).catch(() => undefined)
  }
  await docker('network', 'rm', network)
  return true
}

interface Inspected {
  Id: string
  Name: string
  Config: { Hostname: string }
  NetworkSettings: {
    Networks: Record<
      string,
      {
        IPAddress: string
        GlobalIPv6Address: string
        Gateway: string
        IPv6Gateway: string
        Aliases: string[] | null
      }
    >
  }
}

/** Every running container on every network whose name starts with `prefix`. */
export async function members(prefix = 'shop_'): Promise<Member[]> {
  const ids = (await docker('ps', '-q', '--no-trunc')).split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const all = JSON.parse(await docker('inspect', ...ids)) as Inspected[]
  return all.flatMap(({ Id, Name, Config, NetworkSettings }) =>
    Object.entries(NetworkSettings.Networks)
      .filter(([network]) => network.startsWith(prefix))
      .map(([network, endpoint]) => ({
        container: Name.slice(1),
        network,
        v4: endpoint.IPAddress || undefined,
        v6: endpoint.GlobalIPv6Address || undefined,
        gateway: endpoint.Gateway,
        gateway6: endpoint.IPv6Gateway || undefined,
        names: [...new Set([Name.slice(1), ...(endpoint.Aliases ?? []), Id.slice(0, 12), Config.Hostname])],
      })),
  )
}

/** The address of a network on the engine's host: where a berth there can be asked. */
export async function gatewayOf(network: string): Promise<{ v4: string; v6: string | undefined }> {
  const configs = JSON.parse(
    await docker('network', 'inspect', '--format', '{{json .IPAM.Config}}', network),
  ) as {
    Subnet: string
    Gateway?: string
  }[]
  const find = (six: boolean) => {
    const config = configs.find(({ Subnet }) => Subnet.includes(':') === six)
    const first = config?.Subnet.replace(/\/.*$/, '').replace(/::$/, '::1').replace(/\.0$/, '.1')
    return (config?.Gateway ?? first)?.replace(/\/.*$/, '')
  }
  return { v4: find(false)!, v6: find(true) }
}
