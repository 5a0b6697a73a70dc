import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** SwiftShader, a Vulkan driver that computes on the processor: Debian's Chromium brings it. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const driver = process.env.VK_DRIVER_FILES ?? (existsSync(SWIFTSHADER) ? SWIFTSHADER : undefined);

/** All goldens: SwiftShader takes about an hour. */
const isLong = process.argv.includes('--long');

/** `npm run test:webgpu`: what runs on every engine, on WebGPU; and what only WebGPU has. `-- --long` adds the large goldens. */
export default defineConfig({
  test: {
    include: [
      'test/webgpu/*.test.ts',
      'test/conformance/*.test.ts',
      'test/engine/non-finite.test.ts',
      'test/golden/optimizers.test.ts',
      'test/golden/one-step.test.ts',
      ...(isLong ? ['test/golden/twelve-steps.test.ts', 'test/engine/{inference,recompute}.test.ts'] : []),
    ],
    exclude: ['test/conformance/compositions.test.ts'],
    env: {
      DENSOR_WEBGPU: isLong ? 'long' : 'short',
      XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? '/tmp', // Where the driver looks for a display.
      ...(driver !== undefined && { VK_DRIVER_FILES: driver }),
    },
    testTimeout: isLong ? 3_600_000 : 240_000,
    hookTimeout: 60_000,
    maxWorkers: '100%',
  },
});
