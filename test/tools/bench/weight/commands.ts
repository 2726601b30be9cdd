// What single commands take, from their start to their end: CPU time of all threads, memory at its peak.
import { execFile, execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Checkout } from '../against/checkout.ts'

const run = promisify(execFile)

export interface Cost {
  /** ms */
  readonly cpu: number
  /** MiB */
  readonly memory: number
}

/** Compiles what measures into `folder`; gives its path. */
export function buildRusage(folder: string): string {
  const program = join(folder, 'rusage')
  const source = fileURLToPath(new URL('rusage.c', import.meta.url))
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source])
  return program
}

/** `words` as Node has them. Throws where the command fails. */
export async function measureCommand(
  rusage: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Cost> {
  const { stdout } = await run(rusage, [process.execPath, ...words], { env: { ...surroundings, ...env } })
  const [micros, kibibytes, code] = stdout.split(' ').map(Number) as [number, number, number]
  if (code !== 0) throw new Error(`node ${words.join(' ')} ended with ${code}`)
  return { cpu: micros / 1000, memory: kibibytes / 1024 }
}

/** No engine is there, and none of this process's own settings are a command's. */
export const surroundings = {
  PATH: process.env.PATH ?? '',
  DOCKER_HOST: 'unix:///nonexistent/docker.sock',
}

/** The commands by name; `folder`: that of a checkout, `port`: where somebody answers over UDP. */
export function commandsOf({ folder, program }: Checkout, port: number) {
  // As in the image: a file, and the environment over it.
  const env = { BERTH_CONFIG: join(folder, 'config/image.yml'), BERTH_LISTEN: `127.0.0.1:${port}` }
  return [
    { name: 'bare Node', words: ['-e', '0'], env: {} },
    { name: '--help', words: [program, '--help'], env: {} },
    { name: 'check', words: [program, 'check'], env },
    { name: 'query --wire', words: [program, 'query', '--wire', 'localhost'], env },
  ] as const
}

/** Answers every question: REFUSED, which is a reply as good as any. */
export async function startResponder(): Promise<{ port: number; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    const reply = Buffer.from(question)
    reply[2]! |= 0x80
    reply[3] = 0x05
    socket.send(reply, port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { port: socket.address().port, close: () => void socket.close() }
}
