import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/tensor/base64.ts';

test('bytes survive base64, which is that of Node', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100_000 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(decodeBase64(text)).toEqual(Uint8Array.from(bytes));
    }),
    { numRuns: 50 },
  );
  const many = Uint8Array.from({ length: 200_001 }, (_, i) => i);
  expect(Buffer.from(decodeBase64(encodeBase64(many))).equals(many)).toBe(true);
});

test('what is no base64 is refused', () => {
  expect(() => decodeBase64('?')).toThrow('not base64');
});
