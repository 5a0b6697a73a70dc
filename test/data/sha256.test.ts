import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from '../../src/data/sha256.ts';

test.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])('SHA-256 of %i bytes is that of Node', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + length) & 255);
  const wanted = createHash('sha256').update(bytes).digest('hex');
  expect(new Sha256().update(bytes).hex()).toBe(wanted);
  const parts = new Sha256();
  for (let at = 0; at < length; at += 7) parts.update(bytes.subarray(at, at + 7));
  expect(parts.hex()).toBe(wanted);
});
