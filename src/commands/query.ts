// `berth query`: what an asker is answered for a name, and why; with --wire, whether the DNS socket answers at all.
import { parseArgs } from 'node:util'
import { encodeName } from '../dns/name.ts'
import { typeCode } from '../dns/types.ts'
import type { AnswerRecord, QueryReply } from '../http/api-types.ts'
import { lines } from '../lib/printable.ts'
import { summarize } from './cache-text.ts'
import { queryWire } from './dns-client.ts'
import { type Command, columns, exit, guard } from './io.ts'
import { askingHelp, askingOptions, dnsAddress } from './which-server.ts'

const help = `Usage: berth query NAME [TYPE] [OPTIONS]
       berth query --wire NAME [TYPE] [OPTIONS]

Shows what the running berth answers, and why. With --wire, asks its DNS socket instead: exit code 0 on any reply, 1 if
none comes within 2 s, in two tries. TYPE defaults to A.

  --as WHO          who asks: a container's name or ID, an IP address, or host (default)
${askingHelp}

  --wire            ask over DNS
  --server ADDRESS  with --wire: the server to ask; default: the first "listen" of the configuration, else 127.0.0.1:1053
  --tcp             with --wire: use TCP

Exit codes: 0 done, 1 no reply, 2 bad arguments or configuration.
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
    // Health checks use --wire, and often: they do not load this.
    const { ask, httpServer, isProblem, tell } = await import('./api-client.ts')
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
  if (name === undefined) return 'NAME is missing'
  if (encodeName(name) === undefined) return `"${name}" is not a domain name`
  if (typeCode(type) === undefined) return `"${type}" is not a record type; write A, AAAA or TYPE65`
  if (rest.length > 0) return `"${rest[0]}" is an extra argument`
  if (values.wire && values.as !== undefined)
    return '--as needs HTTP; over DNS, your address says who you are'
  if (values.wire && values.http !== undefined) return '--http cannot be used with --wire; use --server'
  if (!values.wire && values.server !== undefined) return '--server needs --wire'
  if (!values.wire && values.tcp) return '--tcp needs --wire'
  return undefined
}

/** The reply as text: the answer first, then why. */
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
    ...(cached === undefined ? [] : [['cached', describeCached(reply, cached)]]),
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

function describeCached(
  { upstream }: QueryReply,
  { age, stale, left }: NonNullable<QueryReply['cached']>,
): string {
  if (left === undefined) return `${age} s ago${stale ? ', stale' : ''}`
  if (stale) return `${age} s ago, stale; served for ${left} s more while no upstream answers`
  return `${age} s ago, ${upstream === undefined ? `upstreams are asked again in ${left} s` : `expires in ${left} s`}`
}

/** What else is cached for the name: on the same route, and on others. */
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
