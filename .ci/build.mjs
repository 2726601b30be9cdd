// Puts berth together, src/ and the packages that it uses, in a few files in dist/: to find and read hundreds takes longer
// than all else that a start does. Each command has a file of its own, and loads what it needs.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const folder = 'dist'

/** What the health check needs: three files in all, for to open each takes a millisecond. */
const groups = [
  {
    name: 'main',
    test: /\/src\/(main|version|commands\/(run|io)|lib\/(errors|printable))\.ts$|\/package\.json$/,
  },
  {
    name: 'query',
    test: /\/src\/(commands\/(kept|query|where|wire)|config\/(addresses|readers|similar|values|variables|written)|dns\/(asking|header|name|records|simple|types)|lib\/(files|ip))\.ts$/,
  },
]

/** Parts of packages that are loaded with the rest and never used here. Whoever does use one is told. */
const unused = [
  'undici/lib/dispatcher/client-h2.js',
  'undici/lib/web/fetch/body.js',
  'pino/lib/transport.js',
  'pino/lib/multistream.js',
  'prom-client/lib/cluster.js',
  'prom-client/lib/pushgateway.js',
  'prom-client/lib/summary.js',
  '@opentelemetry/api/',
]
const leaveOut = {
  name: 'leave out',
  load(id) {
    const part = unused.find((each) => id.includes(`/node_modules/${each}`))
    if (part === undefined) return null
    return `module.exports = function () { throw new Error('${part} is left out of the build') }`
  },
}

const bundle = await rolldown({
  plugins: [leaveOut],
  input: { main: 'src/main.ts' },
  platform: 'node',
  // It has native code, and is not there on every system.
  external: ['koffi'],
  onLog(level, log) {
    throw new Error(`${level}: ${log.message}`)
  },
})
const { output } = await bundle.write({
  dir: folder,
  // Node starts it sooner than ES modules, and in less memory.
  format: 'cjs',
  dynamicImportInCjs: false,
  sourcemap: true,
  codeSplitting: { groups },
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  // V8 keeps the text for as long as it runs; with one sign that is not ASCII in it, twice as large.
  comments: false,
  charset: 'ascii',
})

writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
writeFileSync(
  join(folder, 'LICENSES.txt'),
  licences(output.flatMap(({ modules = {} }) => Object.keys(modules))),
)
// What an earlier build has left.
const made = new Set(['LICENSES.txt', 'package.json', ...output.map(({ fileName }) => fileName)])
for (const name of readdirSync(folder)) if (!made.has(name)) rmSync(join(folder, name), { recursive: true })

/** Of each package that is in it. Throws where one has none: it may not be passed on. */
function licences(files) {
  const packages = files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  const texts = [...new Set(packages)].toSorted().map((place) => {
    const { name, version, license } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
    const file = readdirSync(place).find((each) => /^licen[cs]e/i.test(each))
    if (file === undefined && license === undefined) throw new Error(`${name} has no licence`)
    const text = file === undefined ? `${license}\n` : readFileSync(join(place, file), 'utf8')
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  })
  return `The files beside this one hold parts of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
