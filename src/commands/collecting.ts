// How V8 collects garbage while nothing happens: as it comes, up to three times, of which the later ones find next to
// nothing and each cost what 15 seconds of an idle server do.
import { setFlagsFromString } from 'node:v8'

/** Before the first of them, 8 s after the start. Where V8 has no such setting it stays as it is. */
export function collectOnce(
  v8 = process.versions.v8,
  setFlag: (flag: string) => void = setFlagsFromString,
): void {
  // Node 20's; to set one that is not there is an error on standard error.
  if (v8.startsWith('11.')) setFlag('--memory-reducer-single-gc')
}
