// The image the engine tests run: a static busybox and nothing else, so that no registry is needed.
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export const image = 'berth-test:1'

const applets = 'sh sleep nslookup cat hostname ip nc true kill ls wget ping chroot env httpd'.split(' ')
// A container's first process ignores SIGTERM unless it asks for it: without STOPSIGNAL every stop, and every
// start of the engine after a crash, would wait out the 10 s.
const settings = ['CMD ["/bin/sleep", "1000000"]', 'STOPSIGNAL SIGKILL']

const run = promisify(execFile)

// Makes the image on the engine `env` points at, unless it is there.
export async function ensureImage(env = process.env): Promise<void> {
  const there = await run('docker', ['image', 'inspect', image], { env }).catch(() => undefined)
  if (there) return
  const folder = mkdtempSync(join(tmpdir(), 'berth-image-'))
  try {
    const busybox = await staticBusybox(env)
    if (busybox) layOut(busybox, join(folder, 'root'))
    // A developer's own engine has a registry to turn to, and perhaps no static busybox beside it.
    const base = busybox ? ['FROM scratch', 'COPY root /'] : ['FROM busybox']
    writeFileSync(join(folder, 'Dockerfile'), [...base, ...settings, ''].join('\n'))
    await run('docker', ['build', '-q', '-t', image, folder], { env })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function staticBusybox(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env.PATH ?? '').split(delimiter)
  const path = folders.map((folder) => join(folder, 'busybox')).find((file) => existsSync(file))
  if (!path) return undefined
  // Glibc's ldd and musl's word it differently, but both fail on a static program.
  const isDynamic = await run('ldd', [path]).then(
    () => true,
    () => false,
  )
  return isDynamic ? undefined : path
}

function layOut(busybox: string, root: string): void {
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true })
  copyFileSync(busybox, join(root, 'bin/busybox'))
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet))
}
