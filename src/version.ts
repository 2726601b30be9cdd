// The version that `--version`, the start line and berth_build_info tell: package.json's.
import about from '../package.json' with { type: 'json' }

export const { version } = about
