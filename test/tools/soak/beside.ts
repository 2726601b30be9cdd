// Runs a script beside a real engine: where there is none yet, the script is started again next to one.
import { type Version, versions } from '../../engine/install.ts'
import { launch } from '../../engine/launch.ts'

/** Resolves beside an engine; elsewhere it ends this process with the exit code of the one it has started. */
export async function besideEngine(version: string): Promise<void> {
  if (process.env.BERTH_ENGINE !== undefined) return
  if (!versions.includes(version as Version)) {
    console.error(`--engine is one of ${versions.join(', ')}, not ${version}`)
    process.exit(2)
  }
  process.exit(
    await launch(version as Version, process.execPath, [...process.execArgv, ...process.argv.slice(1)]),
  )
}
