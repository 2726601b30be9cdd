// Where the benchmark happens: servers in the network namespace of the engine this runs beside, askers in one of their
// own, a cable between them. Servers have one processor, whoever asks has the other.
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { createNamespace, type Namespace } from '../net/namespace.ts'

export interface Place {
  /** Processors. */
  readonly cores: { readonly server: number; readonly client: number }
  /** All servers but aardvark-dns and Docker's are asked here. */
  readonly address: string
  /** The other end of the cable: the upstream is there. */
  readonly upstream: string
  /** Words before a command that has it run where the askers are, on their processor. */
  readonly asking: readonly string[]
  /** Gives the servers' side the networks' gateways and the askers' side the askers' addresses; once. */
  settle(gateways: Iterable<string>, askers: Iterable<string>): void
  close(): void
}

const [address, upstream] = ['10.0.0.1', '10.0.0.2']
const [ours, theirs] = ['bench0', 'bench1']

export async function openPlace(): Promise<Place> {
  const cores = { server: cpus().length > 1 ? 1 : 0, client: 0 }
  const far = await createNamespace()
  ip(`link add ${ours} type veth peer name ${theirs} netns ${far.pid}`, `addr add ${address}/24 dev ${ours}`)
  ip(`link set ${ours} up`)
  far.ip(`addr add ${upstream}/24 dev ${theirs}`, `link set ${theirs} up`)
  // One neighbour for however many askers there are: the kernel remembers some hundred alone.
  ip(`route add 10.0.0.0/8 via ${upstream}`)
  far.ip(`route add 10.0.0.0/8 via ${address}`)
  pin(process.pid, cores.client)
  const known = new Set<string>()
  const add = (to: Pick<Namespace, 'ip'>, dev: string, list: Iterable<string>) => {
    const fresh = [...list].filter((each) => !known.has(each))
    for (const each of fresh) known.add(each)
    if (fresh.length > 0) to.ip(...fresh.map((each) => `addr add ${each}/32 dev ${dev}`))
  }
  return {
    ...{ cores, address, upstream },
    asking: [...far.entry, 'taskset', '--cpu-list', String(cores.client)],
    settle(gateways, askers) {
      add({ ip }, ours, gateways)
      add(far, theirs, askers)
    },
    close: () => far.close(),
  }
}

/** Has a process and all of its threads run on one processor. */
export function pin(pid: number, core: number): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)])
}

function ip(...lines: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` })
}
