// `berth names`: every name an asker can see, with its addresses.
import { parseArgs } from 'node:util'
import type { NamesReply } from '../http/api-types.ts'
import { ask, httpServer, isProblem, tell } from './api-client.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { askingHelp, askingOptions } from './which-server.ts'

const help = `Usage: berth names [OPTIONS]

Lists the names an asker can see, with their addresses and containers.

  --as WHO          who asks: a container's name or ID, an IP address, or host (default)
  --ignored-labels  list the labels that grant no names instead, and why
${askingHelp}

Exit codes: 0 done, 1 no reply, 2 bad arguments or configuration.
`

export const run: Command = (args, outer) =>
  guard(outer, async (io) => {
    const { values } = parseArgs({
      args,
      options: {
        ...askingOptions,
        as: { type: 'string' },
        'ignored-labels': { type: 'boolean' },
      },
    })
    if (values.help) {
      io.stdout(help)
      return exit.done
    }
    const server = await httpServer({ address: values.http, config: values.config, env: io.env })
    const reply = await ask<NamesReply>(server, '/api/names', { as: values.as })
    if (isProblem(reply)) return tell(io, reply)
    const text = values['ignored-labels'] ? describeIgnored : describe
    io.stdout(values.json ? `${JSON.stringify(reply)}\n` : text(reply))
    return exit.done
  })

function describeIgnored({ view, ignoredLabels }: NamesReply): string {
  if (view === 'starting') return 'no engine has been read yet\n'
  if (ignoredLabels === undefined) return `only the host may see labels, not ${view}\n`
  if (ignoredLabels.length === 0) return 'no label is ignored\n'
  const rows = ignoredLabels.map(({ container, label, value, why }) => [container, label, value, why])
  return columns([['CONTAINER', 'LABEL', 'VALUE', 'WHY'], ...rows])
}

function describe({ as, rule, view, networks, forwards, names }: NamesReply): string {
  const facts = columns([
    ['asked as', as],
    ['sees', networks.length === 0 ? view : `${view} (${networks.join(', ')})`],
    ['forwarded', forwards ? 'other questions are forwarded' : 'nothing is forwarded'],
    ['rule', rule],
  ])
  if (names.length === 0) return `${facts}\nno names\n`
  const rows = names.map(({ name, network, v4, v6, containers }) => [
    name,
    network,
    [...v4, ...v6].join(' ') || '-',
    containers.join(' '),
  ])
  return `${facts}\n${columns([['NAME', 'NETWORK', 'ADDRESSES', 'CONTAINERS'], ...rows])}`
}
