// Bundles src/ and the packages it uses into a few files in dist/: finding and reading hundreds of files would take longer
// than the rest of a start. Each command is one file with everything it needs.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const folder = 'dist'

/** By the file's name in dist/. An entry that another loads is not bundled into that one. */
const entries = {
  main: 'src/main.ts',
  // Only once per process: instanceof must hold between the bundle that throws and the one that catches.
  errors: 'src/lib/errors.ts',
  ...commands('serve', 'check', 'names', 'query', 'cache', 'worker', 'reader'),
  // Loaded later, so that health checks do without.
  'api-client': 'src/commands/api-client.ts',
  'link-local-tcp': 'src/net/link-local-tcp.ts',
  sources: 'src/config/sources.ts',
  problems: 'src/config/problems.ts',
  message: 'src/dns/message.ts',
}
/** Parts of packages that berth never uses. Using one throws. */
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
      // A static import is bundled into its importer; only a dynamic one stays a file of its own.
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
  // Starts faster than ES modules, and in less memory.
  format: 'cjs',
  supported: { 'dynamic-import': false },
  // V8 keeps the source in memory, at twice the size if it has one character that is not ASCII.
  charset: 'ascii',
  legalComments: 'none',
  // For the bench's profiles; the package and the image leave the maps out.
  sourcemap: 'external',
  sourcesContent: false,
  metafile: true,
  // It has native code, and does not exist for every system.
  external: ['koffi'],
  plugins: [parts],
  logLevel: 'warning',
})
if (warnings.length > 0) process.exit(1)

writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
writeFileSync(join(folder, 'LICENSES.txt'), licences(Object.keys(metafile.inputs)))
// Leftovers of an earlier build.
const made = new Set([
  'LICENSES.txt',
  'package.json',
  ...Object.keys(metafile.outputs).map((path) => path.slice(5)),
])
for (const name of readdirSync(folder)) if (!made.has(name)) rmSync(join(folder, name), { recursive: true })

function commands(...names) {
  return Object.fromEntries(names.map((name) => [name, `src/commands/${name}.ts`]))
}

/** The licences of all bundled packages. Throws if one has none, since it must not be distributed. */
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
