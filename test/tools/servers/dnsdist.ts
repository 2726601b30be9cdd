// dnsdist in front of another server: delays, losses, truncation and errors by rules in Lua.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { type Server, serverFolder, startServer } from './process.ts'

export interface DnsdistOptions {
  /** Port on 127.0.0.1 of the server behind it. */
  readonly behind: number
  /** Lines of its configuration, such as rules: 'addAction(AllRule(), DelayAction(300))'. */
  readonly rules: readonly string[]
}

export async function startDnsdist({ behind, rules }: DnsdistOptions): Promise<Server> {
  const folder = serverFolder('dnsdist')
  const port = await freePort()
  const lines = [
    `setLocal('127.0.0.1:${port}')`,
    `setACL({'127.0.0.0/8'})`,
    // Up, whatever it says to the health check.
    `newServer({address='127.0.0.1:${behind}'}):setUp()`,
    // How startServer finds out that it runs, whatever the rules do.
    `addAction(QNameRule('running.dnsdist.'), RCodeAction(DNSRCode.NOERROR))`,
    ...rules,
  ]
  const file = join(folder, 'dnsdist.conf')
  writeFileSync(file, `${lines.join('\n')}\n`)
  const args = ['--supervised', '--disable-syslog', '-C', file]
  return startServer({ program: 'dnsdist', args, port, folder, probe: 'running.dnsdist' })
}
