// A real upstream on loopback: unbound with one zone of its own, so that nothing is asked of anybody else.
import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Unbound {
  stop(): Promise<void>
}

/** `records` are lines of a zone file, all in or below `zone`. Resolves once it serves on 127.0.0.1. */
export async function startUnbound(port: number, zone: string, records: readonly string[]): Promise<Unbound> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-unbound-'))
  const file = join(folder, 'unbound.conf')
  const lines = [
    'server:',
    `directory: "${folder}"`,
    ...['chroot: ""', 'username: ""', 'pidfile: ""', 'use-syslog: no', 'do-daemonize: no', 'do-ip6: no'],
    ...[`interface: 127.0.0.1@${port}`, 'module-config: "iterator"', `local-zone: "${zone}" static`],
    ...records.map((record) => `local-data: "${record}"`),
  ]
  writeFileSync(file, lines.join('\n'))
  const child = spawn('unbound', ['-d', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let told = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`unbound is not there after 10 s: ${told}`)), 10_000)
    child.once('error', reject)
    child.stderr!.on('data', (chunk: Buffer) => {
      told += chunk.toString()
      if (!told.includes('start of service')) return
      clearTimeout(timer)
      resolve()
    })
    void ended.then(() => reject(new Error(`unbound ended: ${told}`)))
  })
  return {
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
