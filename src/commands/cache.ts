// `berth cache`: shows what the running berth has cached from upstreams, or flushes it.
import { parseArgs } from 'node:util'
import { encodeName } from '../dns/name.ts'
import { typeCode } from '../dns/types.ts'
import type { CacheReply, FlushReply } from '../http/cache-desk.ts'
import { lines } from '../lib/printable.ts'
import { ask, httpServer, isProblem, tell } from './api-client.ts'
import { describeEntries } from './cache-text.ts'
import { type Command, columns, exit, guard, type Io } from './io.ts'
import { askingHelp, askingOptions } from './which-server.ts'

const help = `Usage: berth cache show NAME [TYPE] [OPTIONS]
       berth cache flush [NAME] [OPTIONS]

Shows what the running berth has cached for NAME, upstreams' answers and failures, or flushes it for all types; without
NAME, flushes everything. An answer that passes through NAME, such as a CNAME's target, is shown and flushed with it.
Container names are never cached: they are answered from the table.

  --below           NAME and all names below it
${askingHelp}

Exit codes: 0 done, 1 not done or not everywhere, 2 bad arguments or configuration.
`

export const run: Command = (args, outer) =>
  guard(outer, async (io) => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...askingOptions, below: { type: 'boolean' } },
    })
    if (values.help) {
      io.stdout(help)
      return exit.done
    }
    const { below = false, json = false } = values
    const wrong = misuse(positionals, below)
    if (wrong !== undefined) {
      io.stderr(lines`${wrong}\nTry "berth cache --help".\n`)
      return exit.usage
    }
    const [verb, name, type] = positionals
    const server = await httpServer({ address: values.http, config: values.config, env: io.env })
    const parameters = { name, below: below ? 'true' : undefined }
    if (verb === 'flush') {
      const reply = await ask<FlushReply>(server, '/api/cache', parameters, 'DELETE')
      if (isProblem(reply)) return tell(io, reply)
      io.stdout(json ? `${JSON.stringify(reply)}\n` : describeFlush(reply))
      return tellSilent(io, reply, 'confirmed that it flushed this; it will when it resumes')
    }
    const reply = await ask<CacheReply>(server, '/api/cache', { ...parameters, type })
    if (isProblem(reply)) return tell(io, reply)
    io.stdout(json ? `${JSON.stringify(reply)}\n` : describe(reply))
    return tellSilent(io, reply, 'said what it caches')
  })

function misuse([verb, name, type, ...rest]: readonly string[], below: boolean): string | undefined {
  if (verb === undefined) return 'write show or flush'
  if (verb !== 'show' && verb !== 'flush') return `"${verb}" is unknown; write show or flush`
  // An unset variable of a script is not to flush everything.
  if (name === '') return 'the name is empty; the root is "."'
  if (name === undefined && verb === 'show') return 'NAME is missing'
  if (name === undefined) return below ? '--below needs a name' : undefined
  if (encodeName(name) === undefined) return `"${name}" is not a domain name`
  const extra = verb === 'flush' ? type : rest[0]
  if (extra !== undefined) {
    const why = verb === 'flush' ? '; a flush removes all types of a name' : ''
    return `"${extra}" is an extra argument${why}`
  }
  if (type !== undefined && typeCode(type) === undefined) {
    return `"${type}" is not a record type; write A, AAAA or TYPE65`
  }
  return undefined
}

function describe({ name, type, below, entries, more, own, networks }: CacheReply): string {
  const what = `${below ? `${name} and below` : name}${type === undefined ? '' : ` ${type}`}`
  const notes = [
    ...(entries.length === 0 ? [lines`nothing is cached for ${what}`] : []),
    ...(more === undefined ? [] : [lines`and ${more} more`]),
    ...(own === undefined
      ? []
      : [lines`for the host, berth answers this itself and never caches it: ${own}`]),
    ...(networks === undefined
      ? []
      : [lines`a container’s name, answered from the table and never cached, on ${networks.join(', ')}`]),
  ]
  const shown = describeEntries(entries, name, below)
  return [...(shown === '' ? [] : [shown]), ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`])].join(
    '\n',
  )
}

function describeFlush({ name, below, flushed }: FlushReply): string {
  const what = name === undefined ? 'everything' : below ? `${name} and all below it` : name
  const head = lines`flushed: ${what}\n`
  const counts = flushed.map(({ worker, answers, failures }) => [
    ...(flushed.length === 1 ? [] : [`process ${worker}`]),
    `${answers} answer${answers === 1 ? '' : 's'}`,
    `${failures} failure${failures === 1 ? '' : 's'}`,
  ])
  return `${head}${columns(counts)}`
}

/** The exit code. */
function tellSilent(io: Io, { silent = [] }: { readonly silent?: readonly number[] }, what: string): number {
  for (const worker of silent) io.stderr(lines`process ${worker} has not ${what}\n`)
  return silent.length === 0 ? exit.done : exit.failed
}
