// Refuses to publish a version that CHANGELOG.md does not date: `npm publish` runs it first.
import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const [, released, date] = /^## (\S+) \((.*)\)$/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? []
if (released !== version || !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
  console.error(
    `The first version in CHANGELOG.md is ${released} (${date}); write "## ${version} (YYYY-MM-DD)" to release ${version}.`,
  )
  process.exit(1)
}
