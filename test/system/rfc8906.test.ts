// RFC 8906, section 8: all its checks, with dig, of a zone, of names here, forwarded and unknown, over UDP and TCP,
// IPv4 and IPv6, with and without RD; the table is printed. A resolver answers without AA where the RFC expects it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Server } from '../tools/servers/process.ts'
import { startUnbound } from '../tools/servers/unbound.ts'
import { freePort, type Serving, serve } from './serve.ts'

const run = promisify(execFile)

interface Check {
  readonly section: string
  readonly about: string
  readonly options: string
  readonly type: 'SOA' | 'A' | 'TYPE1000'
  /** What the reply's OPT is to say; undefined: no OPT. */
  readonly edns?: { readonly flags?: 'do'; readonly cookie?: true }
  /** Where it is not that of the name. */
  readonly status?: 'BADVERS' | 'NOTIMP'
}

const plain = '+noedns +noad'
const edns0 = '+nocookie +edns=0 +noad'
const edns1 = '+nocookie +edns=1 +noednsneg +noad'
const soa = 'SOA' as const
const badVers = { type: soa, edns: {}, status: 'BADVERS' } as const

const checks: readonly Check[] = [
  { section: '8.1.1', about: 'the zone', options: plain, type: 'SOA' },
  { section: '8.1.2', about: 'unknown type', options: plain, type: 'TYPE1000' },
  { section: '8.1.3', about: 'CD', options: `${plain} +cd`, type: 'SOA' },
  { section: '8.1.3', about: 'AD', options: '+noedns +ad', type: 'SOA' },
  { section: '8.1.3', about: 'reserved bit', options: `${plain} +zflag`, type: 'SOA' },
  {
    ...{ section: '8.1.4', about: 'unknown opcode', options: `${plain} +opcode=15 +header-only` },
    ...{ type: 'SOA', status: 'NOTIMP' },
  },
  { section: '8.1.5', about: 'TCP', options: `${plain} +tcp`, type: 'SOA' },
  { section: '8.2.1', about: 'EDNS', options: edns0, type: 'SOA', edns: {} },
  { section: '8.2.2', about: 'EDNS 1', options: edns1, ...badVers },
  { section: '8.2.3', about: 'unknown option', options: `${edns0} +ednsopt=100`, type: 'SOA', edns: {} },
  { section: '8.2.4', about: 'unknown flag', options: `${edns0} +ednsflags=0x40`, type: 'SOA', edns: {} },
  { section: '8.2.5', about: 'EDNS 1, unknown flag', options: `${edns1} +ednsflags=0x40`, ...badVers },
  { section: '8.2.6', about: 'EDNS 1, unknown option', options: `${edns1} +ednsopt=100`, ...badVers },
  {
    ...{ section: '8.2.7', about: 'truncation', options: `${edns0} +dnssec +bufsize=512 +ignore` },
    ...{ type: 'A', edns: { flags: 'do' } },
  },
  { section: '8.2.8', about: 'DO', options: `${edns0} +dnssec`, type: 'SOA', edns: { flags: 'do' } },
  {
    ...{ section: '8.2.9', about: 'EDNS 1, DO', options: `${edns1} +dnssec` },
    ...{ ...badVers, edns: { flags: 'do' } },
  },
  {
    ...{ section: '8.2.10', about: 'defined options', type: 'SOA', edns: { cookie: true } },
    options: '+edns=0 +noad +cookie +nsid +expire +subnet=0.0.0.0/0',
  },
]

interface Subject {
  readonly name: string
  readonly exists: boolean
  readonly hasSoa?: true
  /** So many that 512 bytes do not hold them. */
  readonly hasAddresses?: true
}

const subjects: Readonly<Record<string, Subject>> = {
  'own zone': { name: 'docker.internal', exists: true, hasSoa: true },
  'name here': { name: 'web.test', exists: true, hasAddresses: true },
  forwarded: { name: 'zone.example', exists: true, hasSoa: true, hasAddresses: true },
  'unknown here': { name: 'nobody.docker.internal', exists: false },
  'unknown upstream': { name: 'none.zone.example', exists: false },
}

const ways = ['UDP4', 'TCP4', 'UDP6', 'TCP6'] as const
type Way = (typeof ways)[number]

/** dig's YAML, what is read here. */
interface Digged {
  readonly opcode: string
  readonly status: string
  readonly flags: string
  readonly QUESTION: number
  readonly ANSWER: number
  readonly AUTHORITY_SECTION?: readonly string[]
  readonly OPT_PSEUDOSECTION?: {
    readonly EDNS: { readonly version: number; readonly flags: string | null } & Record<string, unknown>
  } & Record<string, unknown>
}

interface Asked {
  readonly check: Check
  readonly subject: Subject
  readonly label: string
  readonly way: Way
  readonly recursion: boolean
}

/** Ends every dig that is still there where one has failed. */
const over = new AbortController()
let upstream: Server
let serving: Serving
let port: number

beforeAll(async () => {
  const addresses = Array.from({ length: 40 }, (_, i) => `192.0.2.${i + 1}`)
  const records = [
    'zone.example. 300 SOA ns.zone.example. host.zone.example. 1 7200 1800 86400 300',
    ...addresses.map((address) => `zone.example. 60 A ${address}`),
  ]
  upstream = await startUnbound({ local: [{ zone: 'zone.example.', records }] })
  port = await freePort()
  serving = serve({
    ...{ http: false, docker: { engines: [] }, forward: { upstreams: [upstream.address] } },
    ...{ listen: [`127.0.0.1:${port}`, `[::1]:${port}`], hosts: { 'web.test': addresses } },
  })
  await serving.logged('ready')
})

afterAll(async () => {
  over.abort()
  serving.child.kill('SIGTERM')
  expect(await serving.exited).toBe(0)
  await upstream.stop()
})

/** All questions of one way by one dig, in order. */
async function dig(way: Way): Promise<[Asked, Digged][]> {
  const asked = checks.flatMap((check) =>
    Object.entries(subjects).flatMap(([label, subject]) =>
      [true, false].map((recursion): Asked => ({ check, subject, label, way, recursion })),
    ),
  )
  const questions = asked.flatMap(({ check, subject, recursion }) => {
    const transport = way.startsWith('TCP') || check.options.includes('+tcp') ? '+tcp' : '+notcp'
    const options = [...check.options.split(' '), transport, recursion ? '+rec' : '+norec']
    return [`@${way.endsWith('4') ? '127.0.0.1' : '::1'}`, subject.name, check.type, ...options]
  })
  const { stdout } = await run('dig', ['-p', String(port), '+yaml', '+tries=1', '+time=5', ...questions], {
    maxBuffer: 2 ** 24,
    signal: over.signal,
  }).catch((error: { stdout?: string; stderr?: string }) => {
    // The message would be the whole command, of many screens.
    throw new Error(`dig over ${way}: ${error.stderr} ${error.stdout?.slice(-500)}`)
  })
  const told = parseAllDocuments(stdout).flatMap((document) => document.toJS() as unknown[])
  expect(told).toHaveLength(asked.length)
  return told.map((each, i) => [
    asked[i]!,
    (each as { message: { response_message_data: Digged } }).message.response_message_data,
  ])
}

/** What is wrong with a reply, in words; empty where nothing is. */
function faults({ check, subject, way, recursion }: Asked, reply: Digged): string[] {
  const wrong: string[] = []
  const must = (isSo: boolean, what: string) => isSo || wrong.push(what)
  const flags = reply.flags.split(' ')
  const opt = reply.OPT_PSEUDOSECTION
  const isWhole = check.status === undefined
  const mustTruncate = check.about === 'truncation' && subject.hasAddresses === true && way.startsWith('UDP')

  must(reply.status === (check.status ?? (subject.exists ? 'NOERROR' : 'NXDOMAIN')), `status ${reply.status}`)
  must(flags.includes('qr') && flags.includes('ra'), 'no QR or RA')
  must(flags.includes('rd') === recursion, 'RD not as asked')
  must(flags.includes('cd') === check.options.includes('+cd'), 'CD not as asked')
  must(flags.includes('tc') === mustTruncate, `TC ${flags.includes('tc')}`)
  must(!flags.includes('aa') && !flags.includes('ad'), 'AA or AD')
  must(!JSON.stringify(reply).includes('MBZ') && !flags.includes('z'), 'a reserved bit came back')
  must(reply.QUESTION === (check.options.includes('+header-only') ? 0 : 1), `${reply.QUESTION} questions`)

  const hasAnswers =
    isWhole && ((check.type === 'SOA' && subject.hasSoa) || (check.type === 'A' && subject.hasAddresses))
  if (!mustTruncate) must(reply.ANSWER > 0 === (hasAnswers === true), `${reply.ANSWER} answers`)
  if (isWhole && !hasAnswers) {
    must(
      reply.AUTHORITY_SECTION?.some((record) => record.includes(' SOA ')) === true,
      'a negative without SOA',
    )
  }

  must((opt !== undefined) === (check.edns !== undefined), 'OPT not as asked')
  if (opt !== undefined) {
    must(opt.EDNS.version === 0, `EDNS version ${opt.EDNS.version}`)
    must((opt.EDNS.flags ?? '') === (check.edns?.flags ?? ''), `EDNS flags ${opt.EDNS.flags}`)
    const options = [...Object.keys(opt), ...Object.keys(opt.EDNS)].filter(
      (key) => !['EDNS', 'version', 'flags', 'udp'].includes(key),
    )
    must(options.join() === (check.edns?.cookie ? 'COOKIE' : ''), `options ${options}`)
    if (check.edns?.cookie) must(JSON.stringify(opt).includes('good'), 'a cookie that dig does not take')
  }
  return wrong
}

it('every check of RFC 8906, section 8, is met for every kind of name on every way', async () => {
  const all = (await Promise.all(ways.map(dig))).flat()
  const failures = all.flatMap(([asked, reply]) =>
    faults(asked, reply).map((fault) => {
      const rd = asked.recursion ? 'RD' : 'no RD'
      return `${asked.check.section} ${asked.check.about}, ${asked.label}, ${asked.way}, ${rd}: ${fault}`
    }),
  )
  const width = Math.max(...Object.keys(subjects).map((label) => label.length))
  const row = (first: string, cells: string[]) =>
    `${first.padEnd(32)}${cells.map((cell) => cell.padEnd(width + 2)).join('')}`.trimEnd()
  const table = checks.map((check) =>
    row(
      `${check.section.padEnd(8)}${check.about}`,
      Object.keys(subjects).map((label) => {
        const cell = all.filter(([asked]) => asked.check === check && asked.label === label)
        const met = cell.filter(([asked, reply]) => faults(asked, reply).length === 0)
        const statuses = [...new Set(cell.map(([, { status }]) => status))].join()
        return `${statuses} ${met.length}/${cell.length}`
      }),
    ),
  )
  const head = row('RFC 8906', Object.keys(subjects))
  console.log([head, ...table, `each: ${ways.join(', ')}, with and without RD`].join('\n'))
  expect(failures).toEqual([])
  expect(all).toHaveLength(17 * 5 * 4 * 2)
})
