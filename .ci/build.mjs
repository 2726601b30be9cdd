// Puts berth together, src/ and the packages that it uses, in a few files in dist/: to find and read hundreds takes longer
// than all else that a start does. Each command is a file of its own with all that it needs.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const folder = 'dist'

/** By the name of the file in dist/; what another one of them loads is not in that one. */
const entries = {
  main: 'src/main.ts',
  // Not twice in one process: who throws one and who catches it have to mean the same.
  errors: 'src/lib/errors.ts',
  ...commands('serve', 'check', 'names', 'query', 'cache', 'worker', 'reader'),
  // What the health check does without.
  ask: 'src/commands/ask.ts',
  linkLocalTcp: 'src/net/link-local-tcp.ts',
  sources: 'src/config/sources.ts',
  problems: 'src/config/problems.ts',
  message: 'src/dns/message.ts',
}
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

const parts = {
  name: 'parts',
  setup(esbuild) {
    const names = new Map(Object.entries(entries).map(([name, path]) => [resolve(path), name]))
    esbuild.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, kind, resolveDir }) => {
      const name = names.get(resolve(resolveDir, path))
      // Where one is imported and not only asked for later, it belongs to who imports it.
      if (name === undefined || kind === 'entry-point') return undefined
      if (kind !== 'dynamic-import' && name !== 'errors') return undefined
      return { path: `./${name}.js`, external: true }
    })
    esbuild.onLoad({ filter: /\/node_modules\// }, ({ path }) => {
      const part = unused.find((each) => path.includes(`/node_modules/${each}`))
      if (part === undefined) return undefined
      return {
        contents: `module.exports = function () { throw new Error('${part} is left out of the build') }`,
      }
    })
  },
}

const { metafile, warnings } = await build({
  entryPoints: entries,
  outdir: folder,
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Node starts it sooner than ES modules, and in less memory.
  format: 'cjs',
  supported: { 'dynamic-import': false },
  // V8 keeps the text for as long as it runs; with one sign that is not ASCII in it, twice as large.
  charset: 'ascii',
  legalComments: 'none',
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  // It has native code, and is not there on every system.
  external: ['koffi'],
  plugins: [parts],
  logLevel: 'warning',
})
if (warnings.length > 0) process.exit(1)

writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
writeFileSync(join(folder, 'LICENSES.txt'), licences(Object.keys(metafile.inputs)))
// What an earlier build has left.
const made = new Set([
  'LICENSES.txt',
  'package.json',
  ...Object.keys(metafile.outputs).map((path) => path.slice(5)),
])
for (const name of readdirSync(folder)) if (!made.has(name)) rmSync(join(folder, name), { recursive: true })

function commands(...names) {
  return Object.fromEntries(names.map((name) => [name, `src/commands/${name}.ts`]))
}

/** Of each package that is in it. Throws where one has none: it may not be passed on. */
function licences(files) {
  const packages = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  const texts = [...new Set(packages)].toSorted().map((place) => {
    const { name, version, license } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
    const file = readdirSync(place).find((each) => /^licen[cs]e/i.test(each))
    if (file === undefined && license === undefined) throw new Error(`${name} has no licence`)
    const text = file === undefined ? `${license}\n` : readFileSync(join(place, file), 'utf8')
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  })
  return `The files beside this one hold parts of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
