// The estate's part that only today's engines (28 and later) can make: networks of IPv6 alone, gateway modes, subnets that
// Docker chooses, and containers that are given several networks, gateway priorities and MAC addresses as they start.
import { docker, runContainer } from '../docker.ts'

const bridge = 'com.docker.network.bridge'
const modes = (v4: string, v6: string) => [
  ...['--opt', `${bridge}.gateway_mode_ipv4=${v4}`],
  ...['--opt', `${bridge}.gateway_mode_ipv6=${v6}`],
]

export const networksOfToday: Readonly<Record<string, readonly string[]>> = {
  'six-only': ['--ipv4=false', '--ipv6', '--subnet', 'fd00:c4::/64'],
  'six-sealed': ['--ipv4=false', '--ipv6', '--internal'],
  'six-chosen': ['--ipv4=false', '--ipv6'],
  ula: ['--ipv6'],
  routed: ['--ipv6', ...modes('routed', 'routed')],
  'routed-six': ['--ipv6', ...modes('nat', 'routed')],
  unprotected: ['--ipv6', ...modes('nat-unprotected', 'nat-unprotected')],
  'routed-sealed': ['--ipv6', '--internal', ...modes('routed', 'routed')],
  'unprotected-sealed': ['--internal', '--opt', `${bridge}.gateway_mode_ipv4=nat-unprotected`],
  isolated: ['--ipv6', '--internal', ...modes('isolated', 'isolated')],
  'isolated-four': ['--ipv6', '--internal', ...modes('isolated', 'nat')],
  'isolated-six': ['--ipv6', '--internal', ...modes('nat', 'isolated')],
  inhibited: ['--opt', `${bridge}.inhibit_ipv4=true`],
  'inhibited-sealed': ['--internal', '--opt', `${bridge}.inhibit_ipv4=true`],
}

/** On these the engine's machine has no address, or none that Docker gave it: nobody there can ask. */
export const withoutMachine: readonly string[] = ['isolated', 'inhibited', 'inhibited-sealed']
/** On these it has an IPv6 address alone. */
export const withSixAlone: readonly string[] = ['six-only', 'six-sealed', 'six-chosen', 'isolated-four']
/** On these it has none, though there are IPv6 addresses. */
export const withFourAlone: readonly string[] = ['isolated-six']

/** Container → the networks that it is run on, in the words of `docker run`, and the rest of these. */
const residentsOfToday: Readonly<Record<string, readonly [networks: readonly string[], ...args: string[]]>> =
  {
    'cmp-six-1': [['name=six-only,alias=sixes']],
    'cmp-six-2': [['name=six-only,alias=sixes', 'hub']],
    'cmp-six-3': [['six-sealed', 'six-chosen']],
    'cmp-six-4': [['six-sealed']],
    // On both a name of its own kind: which one answers is a matter of gateways, then of names.
    'cmp-either-1': [['name=six-chosen,alias=either', 'name=ula,alias=either']],
    'cmp-either-2': [['name=front,alias=either', 'name=six-only,alias=either']],
    'cmp-either-3': [['name=routed,alias=either', 'name=inhibited,alias=either']],
    'cmp-either-4': [['ula', 'front', 'six-only', 'six-chosen', 'routed', 'inhibited', 'hub']],
    // The same names on all, and it is the priority that says which network answers.
    'cmp-prior-1': [['name=ula,alias=prior', 'name=routed,alias=prior', 'name=unprotected,alias=prior']],
    'cmp-prior-2': [['name=ula,gw-priority=1', 'name=routed,gw-priority=7', 'unprotected', 'hub']],
    'cmp-prior-3': [['name=ula,gw-priority=-1', 'name=unprotected,gw-priority=-2', 'hub']],
    'cmp-prior-4': [['hub', 'name=sealed,gw-priority=5,alias=prior']],
    'cmp-routed-1': [['routed-six', 'routed-sealed', 'hub']],
    'cmp-routed-2': [['name=routed-sealed,alias=both', 'name=unprotected-sealed,alias=both']],
    'cmp-alone-1': [['name=isolated,alias=alone', 'hub']],
    'cmp-alone-2': [['name=isolated,alias=alone', 'name=isolated-four,alias=alone']],
    'cmp-alone-3': [['name=isolated-four,alias=alone', 'name=isolated-six,alias=alone']],
    'cmp-alone-4': [['name=inhibited-sealed,alias=alone', 'name=isolated-six,alias=alone']],
    'cmp-inhibited': [['inhibited', 'hub']],
    'cmp-fixed': [
      [
        'name=ula,alias=fixed,mac-address=02:42:c0:00:00:01',
        'name=pipe,alias=fixed,mac-address=02:42:c0:00:00:02,ip=10.178.0.77',
      ],
    ],
  }

/** Gateway priorities of networks that are connected while the container runs. */
const connectedLater = [
  ['cmp-prior-5', 'ula', '3'],
  ['cmp-prior-5', 'routed', '4'],
  ['cmp-prior-6', 'six-only', '9'],
] as const

/** API 1.48: Docker 28. */
export const isOfToday = (): Promise<boolean> => apiIsAtLeast(48)

/** Whether the engine's highest API version is 1.`least`, or higher. */
export async function apiIsAtLeast(least: number): Promise<boolean> {
  const [major = 0, minor = 0] = (await docker('version', '--format', '{{.Server.APIVersion}}'))
    .split('.')
    .map(Number)
  return major > 1 || minor >= least
}

/** Beside the other networks, some of which they are on. */
export async function bringUpToday(): Promise<void> {
  for (const [name, options] of Object.entries(networksOfToday)) {
    await docker('network', 'create', ...options, name)
  }
  for (const [name, [networks, ...args]] of Object.entries(residentsOfToday)) {
    await runContainer(name, ...networks.flatMap((network) => ['--network', network]), ...args)
  }
  await runContainer('cmp-prior-5', '--network', 'unprotected')
  await runContainer('cmp-prior-6', '--network', 'hub')
  for (const [container, network, priority] of connectedLater) {
    await docker('network', 'connect', '--gw-priority', priority, network, container)
  }
}
