// berth query: what does this name mean to that asker, and why; or, with --wire, does the DNS socket answer.
import { parseArgs } from 'node:util'
import { encodeName } from '../dns/name.ts'
import { typeCode } from '../dns/types.ts'
import type { AnswerRecord, QueryReply } from '../http/api-types.ts'
import { lines } from '../lib/printable.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { summarize } from './kept.ts'
import { askingOptions, dnsAddress } from './where.ts'
import { queryWire } from './wire.ts'

const help = `berth query NAME [TYPE] [options]        what the running berth answers, and by which rule
berth query --wire NAME [TYPE] [options] asks the DNS socket itself

TYPE is A where it is left out.

  --as WHO            answer as for this asker: a container's name or id, an IP address, or host (default)
  --http ADDRESS      where berth serves HTTP, or its socket's path; default: the configuration's "api.socket" or
                      "http", else /run/berth/api.sock or 127.0.0.1:9153
  --json              print the reply as JSON

  --wire              ask over DNS: exit code 0 on any reply, 1 on none within 2 s, tried twice
  --server ADDRESS    with --wire: whom to ask; default: the configuration's first "listen", else 127.0.0.1:1053
  --tcp               with --wire: over TCP

  --config FILE       the configuration berth runs with; default: BERTH_CONFIG
  --help              this text

Exit codes: 0 done, 1 no answer could be had, 2 bad arguments or configuration.
`

export const run: Command = (args, outer) =>
  guard(outer, async (io) => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...askingOptions,
        as: { type: 'string' },
        wire: { type: 'boolean' },
        server: { type: 'string' },
        tcp: { type: 'boolean' },
      },
    })
    if (values.help) {
      io.stdout(help)
      return exit.done
    }
    const [name, type = 'A', ...rest] = positionals
    const wrong = misuse(name, type, rest, values)
    if (wrong !== undefined || name === undefined) {
      io.stderr(lines`${wrong ?? ''}\nTry "berth query --help".\n`)
      return exit.usage
    }
    const { as, config, json } = values
    if (values.wire) {
      const server = await dnsAddress({ address: values.server, config, env: io.env })
      const { text, message } = await queryWire(server, name, type, { tcp: values.tcp ?? false })
      io.stdout(json ? `${JSON.stringify(message)}\n` : text)
      return exit.done
    }
    // A health check asks over DNS, and often: it does without.
    const { ask, httpServer, isProblem, tell } = await import('./ask.ts')
    const server = await httpServer({ address: values.http, config, env: io.env })
    const reply = await ask<QueryReply>(server, '/api/query', { name, type, as, kept: 'true' })
    if (isProblem(reply)) return tell(io, reply)
    io.stdout(json ? `${JSON.stringify(reply)}\n` : describe(reply))
    return exit.done
  })

function misuse(
  name: string | undefined,
  type: string,
  rest: readonly string[],
  values: { wire?: boolean; as?: string; http?: string; server?: string; tcp?: boolean },
): string | undefined {
  if (name === undefined) return 'no name was given'
  if (encodeName(name) === undefined) return `"${name}" is not a domain name`
  if (typeCode(type) === undefined) return `"${type}" is not a record type; write A, AAAA or TYPE65`
  if (rest.length > 0) return `"${rest[0]}" is one argument too many`
  if (values.wire && values.as !== undefined)
    return '--as goes with HTTP; over DNS you are who your address says'
  if (values.wire && values.http !== undefined) return '--http does not go with --wire; --server does'
  if (!values.wire && values.server !== undefined) return '--server goes with --wire'
  if (!values.wire && values.tcp) return '--tcp goes with --wire'
  return undefined
}

/** The reply for a person: the answer first, then why. */
function describe(reply: QueryReply): string {
  const { name, type, rcode, answers, as, source, rule, network, route, upstream } = reply
  const { cached, tries, ms, alternatives = [] } = reply
  const nothing =
    rcode === 'NOERROR'
      ? lines`${name} exists, but has no ${type} record\n`
      : lines`${name} ${type}: ${rcode}\n`
  const facts = [
    ['asked as', as],
    ['answered by', upstream === undefined ? source : `${source} (${upstream})`],
    ...(cached === undefined ? [] : [['kept for', describeCached(reply, cached)]]),
    ...(tries === undefined ? [] : [['tries', tries]]),
    ...(ms === undefined ? [] : [['took', `${ms} ms`]]),
    ...keptFacts(reply),
    ...(network === undefined ? [] : [['network', network]]),
    ...(route === undefined ? [] : [['route', route]]),
    ['rule', rule],
    ...(alternatives.length === 0 ? [] : [['instead', alternatives.join(', ')]]),
  ]
  return `${answers.length > 0 ? recordLines(answers) : nothing}\n${columns(facts)}`
}

/** Its age, and how long it goes on. */
function describeCached(
  { upstream }: QueryReply,
  { age, stale, left }: NonNullable<QueryReply['cached']>,
): string {
  if (left === undefined) return `${age} s${stale ? ', out of date' : ''}`
  if (stale) return `${age} s, out of date; given for ${left} s more while no upstream answers`
  return `${age} s, ${upstream === undefined ? `upstreams are asked again in ${left} s` : `holds ${left} s more`}`
}

/** What else is kept of the name: by the same way, and by others. */
function keptFacts({ name, route, kept = [] }: QueryReply): string[][] {
  const own = kept.filter((entry) => entry.name === name)
  const isHere = (entry: { readonly route: string }) => route === undefined || entry.route === route
  const here = own.filter(isHere)
  const elsewhere = own.filter((entry) => !isHere(entry))
  const routes = [...new Set(elsewhere.map((entry) => entry.route))]
  return [
    ...(here.length === 0 ? [] : [['in cache', summarize(here)]]),
    ...routes.map((each) => [
      'in cache',
      `${summarize(elsewhere.filter((entry) => entry.route === each))} (${each})`,
    ]),
  ]
}

function recordLines(records: readonly AnswerRecord[]): string {
  return columns(records.map(({ name, type, ttl, data }) => [name, String(ttl), type, data]))
}
