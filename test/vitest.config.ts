// The two kinds of tests: `unit` needs nothing but Node, `engine` runs beside a Docker engine (see run.ts).
import { availableParallelism } from 'node:os'
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
          // Vitest would leave a processor to itself: of two that is half, and most of these tests wait.
          maxWorkers: Math.max(3, availableParallelism()),
          // Deadlines end what hangs, and judge nothing: beside ten busy processes one that starts takes half a minute.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000 } },
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
          testTimeout: 180_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
})
