import { expect, test } from 'vitest';
import { allFinite } from '../../src/tensor/finite.ts';

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%s is found anywhere', (odd) => {
  for (const at of [0, 1, 99]) {
    const numbers = new Float32Array(100).fill(1e38);
    expect(allFinite(numbers)).toBe(true);
    numbers[at] = odd;
    expect(allFinite(numbers)).toBe(false);
  }
  expect(allFinite(new Float32Array())).toBe(true);
});
