// berth's image, built from the unchanged Dockerfile; once for all tests beside one engine.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { docker } from '../docker.ts'
import { importNode, isOffline } from './standin.ts'
import { bridgeTo } from './wayout.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))

export const base = 'node:24-bookworm-slim'
export const name = 'berth'

/** Where docker's commands can build, and run Compose. */
export interface Builder {
  readonly env: NodeJS.ProcessEnv
  close(): void
}

/**
 * A private engine gets a stand-in for the base, and a way to the package registry: as on any machine behind a proxy,
 * Docker's client is configured with it, and hands it to builds as arguments that leave no trace in the image.
 */
export async function openBuilder(): Promise<Builder> {
  const wayOut = process.env.BERTH_ENGINE_WAY_OUT
  if (!isOffline || wayOut === undefined) return { env: process.env, close: () => {} }
  if ((await docker('image', 'ls', '--quiet', base)) === '') await importNode(base)
  const bridge = await bridgeTo(wayOut, await gatewayOfBridge())
  const folder = mkdtempSync(join(tmpdir(), 'berth-docker-'))
  const settings = { proxies: { default: { httpsProxy: bridge.url } } }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(settings))
  // So that "docker compose" is there, as with Docker's own packages.
  mkdirSync(join(folder, 'cli-plugins'))
  symlinkSync(process.env.COMPOSE!, join(folder, 'cli-plugins/docker-compose'))
  return {
    env: { ...process.env, DOCKER_CONFIG: folder, DOCKER_BUILDKIT: '0' },
    close() {
      bridge.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Builds it, unless it is there. */
export async function ensureBerthImage(): Promise<void> {
  if ((await docker('image', 'ls', '--quiet', name)) !== '') return
  const builder = await openBuilder()
  try {
    const options = { env: builder.env, maxBuffer: 16 << 20 }
    await run('docker', ['build', '--tag', name, root], options).catch((error) => {
      throw new Error(`${error.message}\n${error.stdout}`)
    })
  } finally {
    builder.close()
  }
}

/** An address of the engine's machine, for containers of any network. */
export function gatewayOfBridge(): Promise<string> {
  return docker('network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', 'bridge')
}
