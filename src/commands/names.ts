// berth names: every name an asker can see, and where each leads.
import { parseArgs } from 'node:util'
import type { NamesReply } from '../http/api-types.ts'
import { ask, httpServer, isProblem, tell } from './ask.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { askingOptions } from './where.ts'

const help = `berth names [options]   the names the running berth has, and where they lead

  --as WHO          the names this asker can see: a container's name or id, an IP address, or host (default)
  --http ADDRESS    where berth serves HTTP, or its socket's path; default: the configuration's "api.socket" or "http",
                    else /run/berth/api.sock or 127.0.0.1:9153
  --config FILE     the configuration berth runs with; default: BERTH_CONFIG
  --ignored-labels  labels that give no names, and why, in place of the names
  --json            print the reply as JSON
  --help            this text

Exit codes: 0 done, 1 no answer could be had, 2 bad arguments or configuration.
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
  if (ignoredLabels === undefined) return `labels are told to the host alone, not to who sees ${view}\n`
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
