// The commands by name, and `berth --help`.
import { lines } from '../lib/printable.ts'
import { oldestNode, version } from '../version.ts'
import { exit, type Io, onTerminal } from './io.ts'

type CommandModule = { run(args: string[], io: Io): Promise<number> }

/** Each loads only what it needs: some run often (the image's HEALTHCHECK, the reader of a changed file). */
const commands: Record<string, () => Promise<CommandModule>> = {
  serve: () => import('./serve.ts'),
  check: () => import('./check.ts'),
  names: () => import('./names.ts'),
  query: () => import('./query.ts'),
  cache: () => import('./cache.ts'),
  worker: () => import('./worker.ts'),
  reader: () => import('./reader.ts'),
}

const usage = `berth ${version}: DNS service discovery for Docker

Usage: berth COMMAND [OPTIONS]

  serve    answer questions: follow the engines, listen, forward
  check    read a configuration, and show what it means or what is wrong with it
  names    list the names an asker can see
  query    show what an asker is answered for a name, and why
  cache    show or flush what is cached from upstreams

"berth COMMAND --help" has details. Exit codes: 0 done, 1 failed, 2 bad arguments or configuration.
`

/** The exit code: 0 done, 1 failed at run time, 2 bad arguments or configuration. */
export async function run(args: string[], outer: Io): Promise<number> {
  const io = onTerminal(outer)
  if (isTooOld(process.versions.node)) {
    io.stderr(`berth needs Node ${oldestNode} or later; this is ${process.versions.node}\n`)
    return exit.failed
  }
  const [name, ...rest] = args
  if (name === '--version' || name === '-v') {
    io.stdout(`${version}\n`)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout(usage)
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    io.stderr(lines`berth: unknown command '${name}'\n\n` + usage)
    return 2
  }
  try {
    return await (await command()).run(rest, io)
  } catch (error) {
    // A bug of ours; what it quotes may come from anywhere, so it is printed escaped.
    io.stderr(`${error instanceof Error ? error.stack : error}\n`)
    return exit.failed
  }
}

/** `node`: "20.18.1". */
function isTooOld(node: string): boolean {
  const [major, minor] = oldestNode.split('.').map(Number) as [number, number]
  const [ours, oursMinor] = node.split('.').map(Number) as [number, number]
  return ours < major || (ours === major && oursMinor < minor)
}
