// Installs the locked dependencies, once per lock file, on a Node that is new enough. `npm start` and `npm test` run it
// first.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { refusal } from './node.mjs'

const tooOld = refusal(process.versions.node)
if (tooOld !== undefined) {
  console.error(tooOld)
  process.exit(1)
}

const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
const stamp = 'node_modules/.installed'

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.log('Installing the locked dependencies …')
  // The few packages with install scripts (ssh2, protobufjs) work without them. The build needs the development
  // dependencies even where NODE_ENV is production.
  execFileSync('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(stamp, lock)
}
