// The oldest Node that berth runs on: package.json's "engines", for the scripts here.
import { readFileSync } from 'node:fs'

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** One sentence where `version` ("20.18.1") is too old; undefined where it will do. */
export function refusal(version) {
  const oldest = engines.node.replace('>=', '')
  const [major, minor] = oldest.split('.').map(Number)
  const [ours, ourMinor] = version.split('.').map(Number)
  if (ours > major || (ours === major && ourMinor >= minor)) return undefined
  return `berth needs Node ${oldest} or later; this is ${version}`
}
