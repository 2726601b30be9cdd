// The two kinds of tests: `unit` needs nothing but Node, `engine` runs beside a Docker engine (see run.ts).
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Long ones that an old engine adds nothing to: its share is the image itself.
const onNewestOnly = ['compose', 'prometheus', 'stubs', 'synthetic'].map(
  (name) => `test/engine/${name}.test.ts`,
)

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['unit', 'wire', 'system'].map((name) => `test/${name}/**/*.test.ts`),
        },
      },
      {
        root,
        test: {
          name: 'engine',
          include: ['test/engine/**/*.test.ts'],
          exclude: process.env.BERTH_ENGINE === '20.10' ? onNewestOnly : [],
          // One engine, seen by all: files take turns.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
