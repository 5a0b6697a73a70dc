import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**', 'test/page/**'], // The page has a suite of its own: npm run test:page.
    testTimeout: 120_000,
    maxWorkers: '100%', // Unless told, vitest leaves one processor idle: on a machine of two, half of it.
  },
});
