// A namespace where programs look names up as they do: getaddrinfo of glibc and of musl, with a resolv.conf that names
// one server.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createNamespace } from '../../tools/net/namespace.ts'
import { type Serving, serve } from '../serve.ts'

export type Library = 'glibc' | 'musl'

const run = promisify(execFile)
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const source = fileOf('../../engine/stubs/lookup.c')
const laid =
  'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"'

export interface World {
  /** "ok 192.0.2.1", or the error's name. */
  lookUp(library: Library, server: string, name: string): Promise<string>
  /** Starts a server of this folder there; gives what it has written so far. */
  start(script: string, ...args: string[]): Promise<() => string>
  serve(config: object): Promise<Serving>
  stop(): Promise<void>
}

export async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-lookups-'))
  execFileSync('gcc', ['-Os', '-o', join(folder, 'glibc'), source])
  execFileSync('musl-gcc', ['-Os', '-static', '-o', join(folder, 'musl'), source])
  writeFileSync(join(folder, 'nsswitch'), 'hosts: dns\n')
  const namespace = await createNamespace()
  const [enter, ...within] = namespace.entry
  const children: ChildProcess[] = []
  const servings: Serving[] = []

  return {
    async lookUp(library, server, name) {
      const conf = join(folder, server)
      writeFileSync(conf, `nameserver ${server}\n`)
      const own = ['unshare', '--mount', 'sh', '-c', laid, conf, join(folder, 'nsswitch')]
      const { stdout } = await run(enter!, [...within, ...own, join(folder, library), name])
      const [, , ...told] = stdout.trim().split(' ')
      return told.join(' ')
    },
    async start(script, ...args) {
      const words = [...within, process.execPath, '--import', 'tsx', fileOf(script), ...args]
      const child = spawn(enter!, words, { stdio: ['ignore', 'pipe', 'inherit'] })
      children.push(child)
      let written = ''
      await new Promise<void>((resolve, reject) => {
        child.once('exit', () => reject(new Error(`${script} has ended: ${written}`)))
        child.stdout.on('data', (chunk: Buffer) => {
          written += chunk.toString()
          if (written.includes('ready\n')) resolve()
        })
      })
      return () => written
    },
    async serve(config) {
      const serving = serve(config, { within: namespace.entry })
      servings.push(serving)
      await serving.logged('ready')
      return serving
    },
    async stop() {
      for (const { child, exited } of servings) {
        child.kill('SIGTERM')
        await exited
      }
      for (const child of children) child.kill('SIGKILL')
      namespace.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
