// The commands by name, and what `berth` says without one.
import { lines } from '../lib/printable.ts'
import { version } from '../version.ts'
import * as check from './check.ts'
import { exit, type Io, onTerminal } from './io.ts'
import * as names from './names.ts'
import * as query from './query.ts'
import * as serve from './serve.ts'
import * as worker from './worker.ts'

const commands: Record<string, { run(args: string[], io: Io): Promise<number> }> = {
  serve,
  check,
  names,
  query,
  worker,
}

const usage = `berth ${version}: DNS service discovery for Docker

Usage: berth COMMAND [OPTIONS]

  serve    answer questions: follow the engines, listen, forward
  check    read a configuration file and say what it means, or what is wrong with it
  names    list the names an asker may see, as the running server knows them
  query    ask the running server about one name, and why it answers so

berth COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 bad arguments or configuration.
`

/** The exit code: 0 done, 1 failed at run time, 2 bad arguments or configuration. */
export async function run(args: string[], outer: Io): Promise<number> {
  const io = onTerminal(outer)
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
    io.stderr(lines`berth: there is no command '${name}'\n\n` + usage)
    return 2
  }
  try {
    return await command.run(rest, io)
  } catch (error) {
    // A mistake of our own; what it quotes may be anybody's.
    io.stderr(`${error instanceof Error ? error.stack : error}\n`)
    return exit.failed
  }
}
