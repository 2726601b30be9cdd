// Podman's service as the private engine: what is run so that its Docker-compatible socket is there.
//
// Podman and what it calls want a newer libc than the machine's. So they have a mount namespace of their own, where /usr
// and /etc of their release lie over the machine's, and an empty /run. It is made once and kept, for what Podman knows of
// containers that run on (their network namespaces, crun's state) is in that /run: a service killed finds it again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from './engine.ts'

/** Whether the engine that tests run beside is Podman, private or not. */
export const besidePodman = (): boolean => process.env.BERTH_ENGINE === 'podman'

/** Not by the PATH, on which tests have a client of that name. */
const podman = '/usr/bin/podman'

interface Place {
  readonly state: string
  readonly host: string
  readonly socket: string
  /** Its control group, as a path below the hierarchy's root. */
  readonly group: string
}

/** `root`: the unpacked release. */
export async function podmanService(place: Place, root: string, flags: readonly string[]): Promise<Service> {
  const holder = holderFile(place.state)
  if (!existsSync(holder)) await prepare(place, root)
  // One that was killed leaves it behind, and the next would not bind.
  rmSync(place.socket, { force: true })
  // Containers live on anyway.
  const own = flags.filter((flag) => flag !== '--live-restore')
  const enter = ['nsenter', '--target', readFileSync(holder, 'utf8'), '--mount', '--cgroup']
  const service = [podman, ...own, 'system', 'service', '--time', '0', place.host]
  return {
    words: ['sh', '-c', `${moveTo(`${place.group}/service`)} && exec "$@"`, 'sh', ...enter, ...service],
    env: {
      ...process.env,
      CONTAINERS_CONF: join(place.state, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(place.state, 'storage.conf'),
    },
  }
}

/** On the PATH of tests: `podman`, which talks to the service, for what the docker command has no word for, such as pods. */
export const clientFolder = (state: string): string => join(state, 'bin')

/** Holds the number of the process that holds the namespaces. (A mount of them is refused at random by Linux 6.18.) */
export const holderFile = (state: string): string => join(state, 'podman.holder')

const moveTo = (group: string): string => `echo $$ > /sys/fs/cgroup${group}/cgroup.procs`

/**
 * Podman has one name for its control groups, `/libpod_parent`: what keeps two Podmans apart is a view of its own of the
 * hierarchy. The service is in a group below the root of that, or else Podman moves it.
 */
async function prepare(place: Place, root: string): Promise<void> {
  const { containers, storage } = settings(place.state)
  writeFileSync(join(place.state, 'containers.conf'), containers)
  writeFileSync(join(place.state, 'storage.conf'), storage)
  mkdirSync(clientFolder(place.state))
  const client = `exec nsenter --target $(cat ${holderFile(place.state)}) --mount ${podman} --remote --url ${place.host} "$@"`
  writeFileSync(join(clientFolder(place.state), 'podman'), `#!/bin/sh\n${client}\n`, { mode: 0o755 })
  mkdirSync(`/sys/fs/cgroup${place.group}/service`, { recursive: true })
  const script = [
    'set -e',
    ...['usr', 'etc'].map((name) => `mount -t overlay -o "lowerdir=$0/${name}:/${name}" podman /${name}`),
    'mount -t tmpfs podman /run',
    'mount -t cgroup2 none /sys/fs/cgroup',
    moveTo('/service'),
    // Not before: a process in the group above would keep Podman from making groups there.
    ...(withJournal() ? journal : []),
    'echo ready',
    'exec sleep infinity >/dev/null 2>&1',
  ].join('\n')
  const words = [
    '-c',
    `${moveTo(place.group)} && exec unshare --mount --cgroup sh -c "$1" "$0"`,
    root,
    script,
  ]
  const holder = spawn('sh', words, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(([code]) =>
      Promise.reject(new Error(`Podman's files can't be laid out (${code})`)),
    ),
  ])
  holder.unref()
  writeFileSync(holderFile(place.state), String(holder.pid))
}

/** Whether Podman tells its events to a journal, as it does by default where systemd is, and not to a file. */
const withJournal = (): boolean => process.env.BERTH_PODMAN_EVENTS === 'journald'

/**
 * The machine's own program, with a journal of its own in that /run. It needs no systemd above it. What it can't have there,
 * the kernel's messages and those of audits, it does not ask for.
 */
const journal = [
  'mkdir -p /run/systemd/journald.conf.d /run/systemd/journal /run/log/journal',
  'echo "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0" > /run/systemd/journald.conf.d/own.conf',
  '[ -x /usr/lib/systemd/systemd-journald ] || { echo "no systemd-journald here: install systemd" >&2; exit 1; }',
  '/usr/lib/systemd/systemd-journald >/dev/null 2>&1 &',
  'until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done',
]

/** Addresses are those of RFC 2544, as our Docker's. */
function settings(state: string): { containers: string; storage: string } {
  return {
    containers: `[containers]
log_driver = "k8s-file"
# Not every machine has that controller.
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "${withJournal() ? 'journald' : 'file'}"
runtime = "crun"
[network]
firewall_driver = "nftables"
network_config_dir = "${join(state, 'networks')}"
default_subnet = "198.19.255.0/24"
default_subnet_pools = [{ base = "198.18.0.0/15", size = 24 }]
`,
    storage: `[storage]
driver = "overlay"
graphroot = "${join(state, 'data')}"
runroot = "${join(state, 'exec')}"
`,
  }
}
