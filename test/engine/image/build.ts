// berth's image, built from the unchanged Dockerfile; once for all tests beside one engine.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { docker } from '../docker.ts'
import { importNode, isOffline } from './standin.ts'
import { bridgeTo } from './wayout.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))

export const base = 'node:24-bookworm-slim'
export const name = 'berth'

/** Builds it, unless it is there. A private engine gets a stand-in for the base and a way to the package registry. */
export async function ensureBerthImage(): Promise<void> {
  if ((await docker('image', 'ls', '--quiet', name)) !== '') return
  const wayOut = process.env.BERTH_ENGINE_WAY_OUT
  if (!isOffline || wayOut === undefined) {
    await run('docker', ['build', '--tag', name, root])
    return
  }
  await importNode(base)
  const gateway = await docker(
    'network',
    'inspect',
    '--format',
    '{{(index .IPAM.Config 0).Gateway}}',
    'bridge',
  )
  const bridge = await bridgeTo(wayOut, gateway)
  try {
    // Arguments that Docker knows by itself, and leaves out of the image's history.
    const proxies = ['HTTPS_PROXY', 'https_proxy'].flatMap((key) => ['--build-arg', `${key}=${bridge.url}`])
    const env = { ...process.env, DOCKER_BUILDKIT: '0' }
    const build = run('docker', ['build', ...proxies, '--tag', name, root], { env, maxBuffer: 16 << 20 })
    await build.catch((error) => {
      throw new Error(`${error.message}\n${error.stdout}`)
    })
  } finally {
    bridge.close()
  }
}
