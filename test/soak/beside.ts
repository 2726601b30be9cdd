// Runs a script beside a real engine: where there is none yet, the script is started again next to one.
import { launch } from '../engine/launch.ts'

/** Resolves beside an engine; elsewhere it ends this process with the exit code of the one it has started. */
export async function besideEngine(version: string): Promise<void> {
  if (process.env.BERTH_ENGINE !== undefined) return
  if (version !== '26.1' && version !== '20.10') {
    console.error(`--engine is 26.1 or 20.10, not ${version}`)
    process.exit(2)
  }
  process.exit(await launch(version, process.execPath, [...process.execArgv, ...process.argv.slice(1)]))
}
