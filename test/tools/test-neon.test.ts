import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../tools/kernel-sources.ts';

test('without a cross compiler and an emulator the NEON tests say what to install, and do not pass', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/tools/test-neon.js')], {
    env: { PATH: '' },
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toBe(
    'aarch64-linux-gnu-g++ and qemu-aarch64 missing. On Debian: apt-get install g++-aarch64-linux-gnu qemu-user\n',
  );
});
