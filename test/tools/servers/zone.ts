// A signed zone of some 700 names with records of every kind, the same in every run but for its keys and signatures; and
// questions about it, at least 100 each with a positive, a negative, a signed and (over UDP) a truncated answer.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from './random.ts'

export interface SignedZone {
  readonly name: string
  /** The signed zone file. */
  readonly file: string
  /** The DNSKEY that validators are to trust, as text. */
  readonly anchor: string
  readonly folder: string
}

export interface ZoneQuestion {
  readonly name: string
  readonly type: string
  /** What the zone has: records that fit into 1232 bytes, more than those, none of this type, no such name. */
  readonly kind: 'positive' | 'large' | 'nodata' | 'nxdomain'
}

export interface Zone {
  /** The zone file, unsigned. */
  readonly text: string
  readonly questions: readonly ZoneQuestion[]
}

const name = 'signed.example'

/** Generates, signs (bind9-utils) and stores the zone; NSEC3 without salt (RFC 9276). */
export function signZone(seed = 1): SignedZone {
  const folder = mkdtempSync(join(tmpdir(), 'berth-zone-'))
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  writeFileSync(join(folder, 'zone'), makeZone(seed).text)
  run('dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', name)
  run('dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', name)
  run('dnssec-signzone', '-q', '-S', '-3', '-', '-H', '0', '-o', name, '-f', 'zone.signed', '-x', 'zone')
  const keys = readdirSync(folder).filter((file) => /^K.*\.key$/.test(file))
  const records = keys.map((file) => readFileSync(join(folder, file), 'utf8').replace(/^;.*\n/gm, ''))
  const anchor = records.find((record) => record.includes('DNSKEY 257'))!.trim()
  return { name, file: join(folder, 'zone.signed'), anchor, folder }
}

/** Pure: the same text and questions for the same seed. */
export function makeZone(seed = 1): Zone {
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const lines: string[] = []
  const questions: ZoneQuestion[] = []
  const ttl = () => pick([1, 5, 30, 60, 300, 3600, 86_400])
  const full = (owner: string) => (owner === '@' ? `${name}.` : `${owner}.${name}.`)

  /** One record set with one TTL, and a question for it. */
  function add(
    owner: string,
    type: string,
    data: readonly string[],
    kind: ZoneQuestion['kind'] | 'unasked' = 'positive',
  ) {
    const seconds = ttl()
    for (const each of new Set(data)) lines.push(`${full(owner)} ${seconds} IN ${type} ${each}`)
    if (kind !== 'unasked') ask(owner, type, kind)
  }
  const ask = (owner: string, type: string, kind: ZoneQuestion['kind']) =>
    questions.push({ name: full(owner), type, kind })
  const times = <T>(count: number, make: (n: number) => T): T[] =>
    Array.from({ length: count }, (_, n) => make(n))
  const a = () => `192.0.2.${1 + below(254)}`
  const aaaa = () => `2001:db8::${below(0x10000).toString(16)}:${below(0x10000).toString(16)}`
  const hex = (bytes: number) => times(bytes, () => below(256).toString(16).padStart(2, '0')).join('')
  const host = () => full(`host${below(100)}`)

  lines.push(`${name}. 3600 IN SOA ns.${name}. hostmaster.${name}. 2024010101 7200 1800 86400 300`)
  add('@', 'NS', [`ns.${name}.`, `ns2.${name}.`])
  for (const server of ['ns', 'ns2']) add(server, 'A', ['127.0.0.1'])
  ask('@', 'SOA', 'positive')
  ask('@', 'DNSKEY', 'positive')

  for (let n = 0; n < 100; n++) {
    add(`host${n}`, 'A', times(1 + below(4), a))
    if (n % 3 === 0) add(`host${n}`, 'AAAA', times(1 + below(3), aaaa))
    else ask(`host${n}`, 'AAAA', 'nodata')
    ask(`host${n}`, pick(['MX', 'TXT', 'SRV', 'HTTPS', 'TYPE65300']), 'nodata')
    ask(`missing${n}`, pick(['A', 'AAAA', 'MX', 'TYPE65300']), 'nxdomain')
  }
  for (let n = 0; n < 30; n++) {
    add(`six${n}`, 'AAAA', times(1 + below(3), aaaa))
    add(
      `text${n}`,
      'TXT',
      times(1 + below(3), () => times(1 + below(3), () => `"${textOf(below(200))}"`).join(' ')),
    )
    add(
      `mail${n}`,
      'MX',
      times(1 + below(3), (m) => `${m * 10} ${host()}`),
    )
    add(
      `_svc${n}._tcp`,
      'SRV',
      times(1 + below(3), (m) => `${m} ${below(100)} ${below(65_536)} ${host()}`),
    )
    add(`web${n}`, 'HTTPS', [`1 . alpn=h2,h3 port=${1 + below(65_535)} ipv4hint=${a()} ipv6hint=${aaaa()}`])
    add(
      `type${n}`,
      `TYPE${65_280 + n}`,
      times(1 + below(2), () => unknown(hex(below(60)))),
    )
    add(`alias${n}`, 'CNAME', [host()])
    ask(`alias${n}`, 'A', 'positive')
    ask(`alias${n}`, 'TXT', 'nodata')
  }
  for (let n = 0; n < 20; n++) {
    add(`chain${n}`, 'CNAME', [full(n === 0 ? 'host0' : `chain${n - 1}`)])
    // Resolvers follow no more than some ten.
    if (n < 6) ask(`chain${n}`, 'A', 'positive')
    // Asked for the CNAME itself, a validating unbound 1.17 says NXDOMAIN the first time and NOERROR from then on.
    add(`dangling${n}`, 'CNAME', [full(`missing${n}`)], 'unasked')
    ask(`dangling${n}`, 'A', 'nxdomain')
    add(`svc${n}`, 'SVCB', [`1 ${host()} port=${1 + below(65_535)}`, `2 ${host()}`])
    add(`caa${n}`, 'CAA', ['0 issue "ca.example"', `128 iodef "mailto:a${n}@example"`])
    add(`naptr${n}`, 'NAPTR', [`10 ${n} "u" "E2U+sip" "!^.*$!sip:a${n}@example!" .`])
    add(`_443._tcp.tls${n}`, 'TLSA', [`3 1 1 ${hex(32)}`])
    add(`ssh${n}`, 'SSHFP', [`4 2 ${hex(32)}`, `1 2 ${hex(32)}`])
    add(`misc${n}`, pick(['SPF', 'TXT']), [`"v=spf1 -all ${n}"`])
    add(`deep${n}.a.b.c.d.e.f.g`, 'A', [a()])
    add(`*.wild${n}`, 'A', [a()])
    ask(`x${n}.wild${n}`, 'A', 'positive')
    ask(`x.y${n}.wild${n}`, 'AAAA', 'nodata')
  }
  for (let n = 0; n < 10; n++) {
    add(`loc${n}`, 'LOC', [`${n} 0 0.000 N ${n} 0 0.000 E ${n}.00m 1m 10000m 10m`])
    add(`hinfo${n}`, 'HINFO', [`"cpu ${n}" "os"`])
    add(`rp${n}`, 'RP', [`a${n}.${name}. text${n}.${name}.`])
    add(`afsdb${n}`, 'AFSDB', [`1 ${host()}`])
    add(`uri${n}`, 'URI', [`10 1 "https://example.com/${n}"`])
    add(`cert${n}`, 'CERT', [`PKIX 0 0 ${Buffer.from(hex(40), 'hex').toString('base64')}`])
    add(`dname${n}`, 'DNAME', [`${name}.`])
    ask(`host${n}.dname${n}`, 'A', 'positive')
    ask(`missing${n}.dname${n}`, 'A', 'nxdomain')
    add(`Mixed${n}.CaSe`, 'A', [a()])
    ask(`mIXED${n}.cAsE`, 'A', 'positive')
    add(`${'l'.repeat(62)}${n}`, 'A', [a()])
    add(`odd\\.dot${n}`, 'A', [a()])
    add(`byte\\00${n}\\255`, 'TXT', [`"bytes \\000\\255 ${n}"`])
    add(`${n}.${times(3, () => 'n'.repeat(60)).join('.')}`, 'A', [a()])
    add(`ptr${n}`, 'PTR', times(1 + below(3), host))
    // An empty non-terminal has no records, and is there.
    ask(pick(['c.d.e.f.g', 'a.b.c.d.e.f.g', 'case', '_tcp', 'g']), pick(['A', 'TXT', 'NS']), 'nodata')
  }
  for (let n = 0; n < 110; n++) {
    const kind = 'large'
    if (n % 2 === 0)
      add(
        `big${n}`,
        'A',
        times(100, (m) => `198.51.100.${(m + n) % 256}`),
        kind,
      )
    else
      add(
        `big${n}`,
        'TXT',
        times(8, (m) => `"${m} ${textOf(200)}"`),
        kind,
      )
  }
  // Close to what a message can hold, over TCP alone.
  for (let n = 0; n < 3; n++)
    add(
      `huge${n}`,
      'TXT',
      times(230, (m) => `"${m} ${textOf(240)}"`),
      'large',
    )
  return { text: `$ORIGIN ${name}.\n${lines.join('\n')}\n`, questions: distinct(questions) }

  function textOf(length: number): string {
    return times(length, () => pick([...'abcdefghijklmnopqrstuvwxyz0123456789 -_=+'])).join('')
  }
}

/** RFC 3597, 5. */
function unknown(hex: string): string {
  return `\\# ${hex.length / 2} ${hex}`
}

function distinct(questions: readonly ZoneQuestion[]): ZoneQuestion[] {
  return [...new Map(questions.map((each) => [`${each.name} ${each.type}`, each])).values()]
}
