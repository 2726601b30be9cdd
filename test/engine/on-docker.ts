// Tests that are of Docker alone, in files that are true of Podman, too.
import { it } from 'vitest'
import { besidePodman } from './podman.ts'

/** `it`, where the engine is Docker; elsewhere there is no such test, for the reason given. */
export function onDocker(_why: string): (name: string, test: () => void | Promise<void>) => void {
  return besidePodman() ? () => {} : it
}
