// package.json's version, as `--version`, the start line and berth_build_info show it, and the oldest Node it names.
import about from '../package.json' with { type: 'json' }

export const { version } = about
/** "20.19" */
export const oldestNode = about.engines.node.replace('>=', '')
