import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kernelsModule } from '../../tools/webgpu-kernels.ts';

const root = join(import.meta.dirname, '../..');

test('the module with the WGSL kernels was written from kernels/webgpu', () => {
  const written = readFileSync(join(root, 'src/engine/webgpu/kernels.generated.ts'), 'utf8');
  expect(written).toBe(kernelsModule(join(root, 'kernels/webgpu')));
});
