// The version that `--version`, the start line and berth_build_info tell: package.json's.
import { createRequire } from 'node:module'

/** dist/ and src/ both lie beside package.json. */
export const version: string = createRequire(import.meta.url)('../package.json').version
