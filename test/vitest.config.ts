// The two kinds of tests: `unit` needs nothing but Node, `engine` runs beside a Docker engine (see run.ts and engine/which.ts).
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { excludedFiles } from './engine/which.ts'

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
          // Of a whole run: what is asked for by its name runs.
          exclude: process.env.BERTH_WHOLE ? excludedFiles(process.env.BERTH_ENGINE) : [],
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
