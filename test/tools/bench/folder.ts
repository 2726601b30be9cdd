// Where a long run will write: made before it measures, so that nothing is lost to a folder that is not there.
import { mkdirSync } from 'node:fs'

/** Throws where it can't be had, with the option that names it. */
export function makeFolder(option: string, path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new Error(`--${option} ${path}: ${error instanceof Error ? error.message : error}`)
  }
}
