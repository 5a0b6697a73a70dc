import { defineConfig } from 'vitest/config';

/** Suites with a config and an npm script of their own, such as test/webgpu/vitest.config.ts and `npm run test:webgpu`. */
const OTHER_SUITES = ['test/webgpu/**', 'test/page/**'];

/**
 * Folders whose tests have no effect outside themselves: their files share one worker and its modules, which saves the
 * imports of each file, a quarter of their time.
 */
const SHARED = [
  'test/{conformance,data,distributed,engine,golden,gradients,graph,io,live,model,plan,plot,target,tensor,train}/**/*.test.ts',
];

/** `npm test` */
export default defineConfig({
  test: {
    testTimeout: 120_000,
    maxWorkers: '100%', // By default vitest leaves one processor idle: on a machine with two, half of it.
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      {
        extends: true,
        test: { name: 'main', include: ['test/**/*.test.ts'], exclude: [...SHARED, ...OTHER_SUITES] },
      },
    ],
  },
});
