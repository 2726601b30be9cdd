// Pure: the estate in the words of Docker's API, with everything that 28.5 tells of a container and a network, whether
// berth reads it or not: how large an answer is decides what it costs to read.
import { type Container, type Event, namesOf, type Place } from './estate.ts'
import { idOf, type PlannedNetwork, sixOf } from './plan.ts'

export const version = {
  ...{ Platform: { Name: '' }, Version: '28.5.2', ApiVersion: '1.51', MinAPIVersion: '1.24' },
  ...{ GitCommit: '411e817', GoVersion: 'go1.27.1', Os: 'linux', Arch: 'amd64', KernelVersion: '6.1.0' },
}

const image = `sha256:${idOf('image', 0)}`
const command = ['/bin/server', '--listen', '0.0.0.0:8080']

/** GET /containers/ID/json */
export function inspected(container: Container) {
  const { id, name, hostname, labels, state, startedAt, createdAt } = container
  const isRunning = state === 'running'
  const folder = `/var/lib/docker/containers/${id}`
  const first = container.places.values().next().value
  return {
    ...{ Id: id, Created: time(createdAt), Path: command[0], Args: command.slice(1) },
    State: {
      Status: shownState(state),
      ...{ Running: isRunning, Paused: false, Restarting: false, OOMKilled: false, Dead: false },
      ...{ Pid: isRunning ? 4242 : 0, ExitCode: 0, Error: '' },
      StartedAt: startedAt === 0 ? never : time(startedAt),
      FinishedAt: never,
    },
    ...{ Image: image, ResolvConfPath: `${folder}/resolv.conf`, HostnamePath: `${folder}/hostname` },
    ...{ HostsPath: `${folder}/hosts`, LogPath: `${folder}/${id}-json.log`, Name: `/${name}` },
    ...{ RestartCount: 0, Driver: 'overlay2', Platform: 'linux', MountLabel: '', ProcessLabel: '' },
    ...{ AppArmorProfile: 'docker-default', ExecIDs: null },
    HostConfig: { ...hostConfig, NetworkMode: first?.network.name ?? 'none' },
    GraphDriver: {
      Data: Object.fromEntries([
        ['ID', id],
        ...['LowerDir', 'MergedDir', 'UpperDir', 'WorkDir'].map((kind) => [
          kind,
          `/var/lib/docker/overlay2/${id}/${kind}`,
        ]),
      ]),
      Name: 'overlay2',
    },
    Mounts: [],
    Config: {
      ...{ Hostname: hostname, Domainname: '', User: '', AttachStdin: false, AttachStdout: true },
      ...{ AttachStderr: true, ExposedPorts: { '8080/tcp': {} }, Tty: false, OpenStdin: false },
      ...{ StdinOnce: false, Env: environment, Cmd: command, Image: 'synthetic:1', Volumes: null },
      ...{ WorkingDir: '/', Entrypoint: null, OnBuild: null, Labels: labels, StopSignal: 'SIGKILL' },
    },
    NetworkSettings: {
      ...{ Bridge: '', SandboxID: isRunning ? idOf('sandbox', id) : '', SandboxKey: '' },
      ...{ Ports: isRunning ? { '8080/tcp': null } : {}, HairpinMode: false, LinkLocalIPv6Address: '' },
      ...{ LinkLocalIPv6PrefixLen: 0, SecondaryIPAddresses: null, SecondaryIPv6Addresses: null },
      ...{ EndpointID: '', Gateway: '', GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, IPAddress: '' },
      ...{ IPPrefixLen: 0, IPv6Gateway: '', MacAddress: '' },
      Networks: placesOf(container, (place) => ({
        Aliases: place.aliases,
        // Before its first start a container has been told none.
        DNSNames: startedAt === 0 ? null : namesOf(container, place),
      })),
    },
  }
}

/** A row of GET /containers/json; rows know no names on networks. */
export function row(container: Container, now: number) {
  const { id, name, labels, state, createdAt } = container
  const first = container.places.values().next().value
  return {
    ...{ Id: id, Names: [`/${name}`], Image: 'synthetic:1', ImageID: image, Command: command.join(' ') },
    ...{ Created: Math.floor(createdAt / 1000), Ports: [{ PrivatePort: 8080, Type: 'tcp' }], Labels: labels },
    State: shownState(state),
    Status: shownStatus(container, now),
    HostConfig: { NetworkMode: first?.network.name ?? 'none' },
    NetworkSettings: { Networks: placesOf(container, () => ({ Aliases: null, DNSNames: null })) },
    Mounts: [],
  }
}

/** A row of GET /networks. */
export function networkRow({ id, name, subnet, gateway, six }: PlannedNetwork) {
  const config = [{ Subnet: subnet, Gateway: gateway }]
  if (six !== undefined) config.push({ Subnet: `${six}/64`, Gateway: `${six}1` })
  return {
    ...{ Name: name, Id: id, Created: '2026-01-01T00:00:00.000000000Z', Scope: 'local', Driver: 'bridge' },
    ...{ EnableIPv4: true, EnableIPv6: six !== undefined },
    IPAM: { Driver: 'default', Options: {}, Config: config },
    ...{ Internal: false, Attachable: false, Ingress: false, ConfigFrom: { Network: '' }, ConfigOnly: false },
    Containers: {},
    Options: {},
    Labels: {
      'com.docker.compose.network': 'default',
      'com.docker.compose.project': name.replace('_default', ''),
      'com.docker.compose.version': '2.26.1',
    },
  }
}

/** GET /networks/ID: the members are those with an address. */
export function inspectedNetwork(network: PlannedNetwork, members: Iterable<Container>) {
  const Containers: Record<string, object> = {}
  for (const { id, name, places } of members) {
    const { address, endpointId } = places.get(network.id)!
    if (address === '') continue
    const six = sixOf(network, address)
    Containers[id] = {
      ...{ Name: name, EndpointID: endpointId, MacAddress: macOf(address) },
      ...{ IPv4Address: `${address}/${network.prefix}`, IPv6Address: six === '' ? '' : `${six}/64` },
    }
  }
  return { ...networkRow(network), Containers }
}

/** GET /images/ID/json: the one that all containers are of. */
export function inspectedImage(id: string) {
  return {
    ...{ Id: id, RepoTags: ['synthetic:1'], RepoDigests: [], Parent: '', Comment: '' },
    ...{ Created: time(1_700_000_000_000), DockerVersion: '28.5.2+dfsg4', Author: '' },
    Config: {
      ...{ Hostname: '', Domainname: '', User: '', AttachStdin: false, AttachStdout: false },
      ...{ AttachStderr: false, Tty: false, OpenStdin: false, StdinOnce: false, Env: environment },
      ...{ Cmd: ['serve'], Image: '', Volumes: null, WorkingDir: '/', Entrypoint: null, OnBuild: null },
      Labels: { 'org.opencontainers.image.title': 'synthetic' },
    },
    ...{ Architecture: 'amd64', Os: 'linux', Size: 4_000_000, GraphDriver: { Data: {}, Name: 'overlay2' } },
    ...{ RootFS: { Type: 'layers', Layers: [`sha256:${'0'.repeat(64)}`] }, Metadata: {} },
  }
}

/** A line of GET /events. timeNano is above 2^53, so it is no number of JavaScript's. */
export function eventLine({ type, action, id, attributes, time }: Event): string {
  const old = type === 'container' ? { status: action, id, from: attributes.image } : {}
  const told = {
    ...{ ...old, Type: type, Action: action, Actor: { ID: id, Attributes: attributes }, scope: 'local' },
    time: Number(time / 1_000_000_000n),
  }
  return `${JSON.stringify(told).slice(0, -1)},"timeNano":${time}}\n`
}

const never = '0001-01-01T00:00:00Z'
const time = (ms: number) => `${new Date(ms).toISOString().slice(0, -1)}000000Z`

/** A container that is being started shows what it was before, without addresses. */
function shownState(state: Container['state']): string {
  return state === 'starting' ? 'created' : state
}

function shownStatus({ state, startedAt }: Container, now: number): string {
  if (state === 'running') return `Up ${Math.max(1, Math.floor((now - startedAt) / 1000))} seconds`
  return state === 'exited' ? 'Exited (0) 5 seconds ago' : 'Created'
}

function placesOf({ state, places }: Container, names: (place: Place) => object) {
  const isRunning = state === 'running'
  return Object.fromEntries(
    [...places.values()].map((place) => {
      const { network, address, endpointId } = place
      return [
        network.name,
        {
          ...{ IPAMConfig: null, Links: null, ...names(place) },
          ...{ MacAddress: isRunning ? macOf(address) : '', NetworkID: network.id },
          ...{ EndpointID: isRunning ? endpointId : '', Gateway: isRunning ? network.gateway : '' },
          ...{ IPAddress: isRunning ? address : '', IPPrefixLen: isRunning ? network.prefix : 0 },
          ...{ IPv6Gateway: isRunning && network.six !== undefined ? `${network.six}1` : '' },
          ...{ GlobalIPv6Address: sixOf(network, address), DriverOpts: null, GwPriority: 0 },
          GlobalIPv6PrefixLen: isRunning && network.six !== undefined ? 64 : 0,
        },
      ]
    }),
  )
}

/** Docker makes it of the address. */
function macOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return `02:42:${bytes.join(':')}`
}

const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'MODE=production']

const hostConfig = {
  ...{ Binds: null, ContainerIDFile: '', LogConfig: { Type: 'json-file', Config: {} }, PortBindings: {} },
  ...{ RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 }, AutoRemove: false, VolumeDriver: '' },
  ...{ VolumesFrom: null, ConsoleSize: [0, 0], CapAdd: null, CapDrop: null, CgroupnsMode: 'private' },
  ...{ Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: null, GroupAdd: null, IpcMode: 'private' },
  ...{ Cgroup: '', Links: null, OomScoreAdj: 0, PidMode: '', Privileged: false, PublishAllPorts: false },
  ...{ ReadonlyRootfs: false, SecurityOpt: null, UTSMode: '', UsernsMode: '', ShmSize: 67108864 },
  ...{ Runtime: 'runc', Isolation: '', CpuShares: 0, Memory: 0, NanoCpus: 0, CgroupParent: '' },
  ...{ BlkioWeight: 0, BlkioWeightDevice: [], BlkioDeviceReadBps: [], BlkioDeviceWriteBps: [] },
  ...{ BlkioDeviceReadIOps: [], BlkioDeviceWriteIOps: [], CpuPeriod: 0, CpuQuota: 0 },
  ...{ CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0, CpusetCpus: '', CpusetMems: '', Devices: [] },
  ...{ DeviceCgroupRules: null, DeviceRequests: null, MemoryReservation: 0, MemorySwap: 0 },
  ...{ MemorySwappiness: null, OomKillDisable: null, PidsLimit: null, Ulimits: [], CpuCount: 0 },
  ...{ CpuPercent: 0, IOMaximumIOps: 0, IOMaximumBandwidth: 0 },
  MaskedPaths: ['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ReadonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
}
