import { defineConfig } from 'vitest/config';

/**
 * Folders whose tests change nothing outside themselves: their files share one worker and its modules (`isolate:
 * false`), which saves the imports of each file, a quarter of their time.
 */
const SHARED = ['test/{data,graph,io,model,plan,plot,target,tensor}/**/*.test.ts'];

/**
 * `npm test` runs the projects that its script names. A suite with a command of its own is one more project here, whose
 * files `main` excludes, and a script `vitest run --project NAME`.
 */
export default defineConfig({
  test: {
    testTimeout: 120_000,
    maxWorkers: '100%', // Unless told, vitest leaves one processor idle: on a machine of two, half of it.
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      { extends: true, test: { name: 'main', include: ['test/**/*.test.ts'], exclude: SHARED } },
    ],
  },
});
