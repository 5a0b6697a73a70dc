import { defineConfig } from 'vitest/config';

/** The page in a real Chromium: `npm run test:page`. */
export default defineConfig({
  test: {
    include: ['test/page/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    fileParallelism: false, // Each of them trains, with all processors.
  },
});
