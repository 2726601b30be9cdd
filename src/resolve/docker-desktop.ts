// Docker Desktop's reserved names (host.docker.internal …) and Podman's name for the host. No plain engine answers them.
import type { Upstream } from '../config/types.ts'
import { isLocal } from '../registry/locality.ts'
import { gatewayBridge } from '../registry/order.ts'
import type { Context } from './context.ts'
import { addressAnswer, type Decision, type Question } from './decision.ts'
import { podmanMachine } from './podman.ts'

const domain = '.docker.internal'

/** The host that the engine runs on, as the asker reaches it. */
const machine: readonly string[] = ['host', 'gateway']

/** Others, whose answers only Docker Desktop's own resolver knows. */
const desktop: readonly string[] = ['kubernetes', 'vm', 'http', 'hubproxy', 'model-runner']

function label(name: string): string {
  if (name === podmanMachine) return 'host'
  return name.endsWith(domain) ? name.slice(0, -domain.length) : ''
}

/** Whether no server may be asked for it except Docker's own. */
export function isReserved(name: string): boolean {
  return machine.includes(label(name)) || desktop.includes(label(name))
}

/** The asker's gateway, which on a bridge is the host; for the host itself, loopback. */
export function answerDockerHost(context: Context, question: Question): Decision | undefined {
  const { scope } = context
  if (!machine.includes(label(question.name))) return undefined
  if (scope.view === 'host') {
    return addressAnswer(context, question, { v4: ['127.0.0.1'], v6: [] }, 'the machine itself')
  }
  if (scope.view !== 'networks') return undefined
  const bridges = scope.networks.filter(({ network }) => network.driver === 'bridge')
  // Members of overlay networks leave by the gateway bridge.
  if (scope.networks.some(({ network }) => network.driver === 'overlay')) {
    const { networksByName, engines } = context.whole()
    const all = networksByName.get(gatewayBridge) ?? []
    bridges.push(...all.filter(({ network }) => isLocal(engines, network.engine)))
  }
  const gateway = (isV6: boolean) =>
    bridges
      .filter(({ network }) => isV6 || !network.inhibited)
      .flatMap(({ network }) => network.gateways)
      .filter((address) => address.includes(':') === isV6)
      .slice(0, 1)
  const gateways = { v4: gateway(false), v6: gateway(true) }
  const isNone = gateways.v4.length + gateways.v6.length === 0
  // Its network has not been read yet.
  if (isNone && scope.networks.length === 0 && scope.incomplete) return undefined
  const rule = isNone
    ? 'no bridge network of the asker has a gateway'
    : "the asker's gateway is the engine's machine"
  return addressAnswer(context, question, gateways, rule)
}

/** Docker's own upstreams, for a reserved name that is not ours to answer. */
export function relaysToDocker(name: string, upstreams: readonly Upstream[]): readonly Upstream[] {
  return desktop.includes(label(name)) ? upstreams.filter(({ host }) => isDockers(host)) : []
}

/** Docker's resolver in our own container: it answers for the networks that we are on. */
export function isDockersOwn({ host }: Upstream): boolean {
  return host === '127.0.0.11'
}

/** Docker's resolver in a container, and Docker Desktop's in its virtual machine. */
function isDockers(host: string): boolean {
  return host === '127.0.0.11' || host.startsWith('192.168.65.')
}
