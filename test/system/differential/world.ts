// The servers that are compared: nsd with three zones, a validating resolver before it, and before that resolver, side
// by side, berth and a validating unbound that forwards.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNsd } from '../../tools/servers/nsd.ts'
import type { Server } from '../../tools/servers/process.ts'
import { startUnbound } from '../../tools/servers/unbound.ts'
import { makeZone, signZone } from '../../tools/servers/zone.ts'
import { type Forwarding, startForwarding } from '../forwarding.ts'

export interface World {
  /** Whom both forwarders ask. */
  readonly upstream: Server
  readonly peer: Server
  readonly berth: Forwarding
  readonly questions: readonly { readonly name: string; readonly type: string }[]
  stop(): Promise<void>
}

/** Not signed: answers of the first are insecure; the second is said to be signed, so its answers are bogus. */
const unsigned = ['plain.example', 'bogus.example']
const names = 20

export async function startWorld(): Promise<World> {
  const signed = signZone()
  const folder = mkdtempSync(join(tmpdir(), 'berth-zones-'))
  const zones = [{ name: signed.name, file: signed.file }]
  for (const name of unsigned) {
    writeFileSync(join(folder, name), unsignedZone(name))
    zones.push({ name, file: join(folder, name) })
  }
  const nsd = await startNsd({ zones })
  const trust = [signed.anchor, `bogus.example. DS 1 13 2 ${'00'.repeat(32)}`]
  const extra = ['domain-insecure: "plain.example"', 'max-udp-size: 1232', 'tcp-idle-timeout: 60000']
  const upstream = await startUnbound({
    zones: zones.map(({ name }) => ({ name, kind: 'stub', port: nsd.port })),
    trust,
    extra,
  })
  const peer = await startUnbound({
    zones: zones.map(({ name }) => ({ name, kind: 'forward', port: upstream.port })),
    trust,
    extra,
  })
  const berth = await startForwarding([upstream.address])
  const questions = [
    ...makeZone().questions,
    ...unsigned.flatMap((zone) =>
      Array.from({ length: names }, (_, n) => [
        { name: `host${n}.${zone}.`, type: 'A' },
        { name: `host${n}.${zone}.`, type: 'TXT' },
        { name: `missing${n}.${zone}.`, type: 'A' },
      ]).flat(),
    ),
  ]
  return {
    upstream,
    peer,
    berth,
    questions,
    async stop() {
      for (const each of [berth, peer, upstream, nsd]) await each.stop()
    },
  }
}

function unsignedZone(zone: string): string {
  const lines = [
    `$ORIGIN ${zone}.`,
    '@ 3600 IN SOA ns hostmaster 1 7200 1800 86400 300',
    '@ 3600 IN NS ns',
    'ns 3600 IN A 127.0.0.1',
  ]
  for (let n = 0; n < names; n++) lines.push(`host${n} 300 IN A 192.0.2.${n + 1}`)
  return `${lines.join('\n')}\n`
}
