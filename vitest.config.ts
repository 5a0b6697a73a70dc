import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**', 'test/page/**', 'test/webgpu/**'], // npm run test:page, test:webgpu
    testTimeout: 120_000,
    maxWorkers: '100%', // Unless told, vitest leaves one processor idle: on a machine of two, half of it.
  },
});
