import { describe, expect, test } from 'vitest';
import { permutation, randomBits, streamOf, uniform } from '../../src/tensor/random.ts';

describe('random numbers', () => {
  test("are Philox2x32-10: the authors' known answers", () => {
    // Random123, tests/kat_vectors: counter words, key → first word.
    expect(randomBits(0, 0, 0)).toBe(0xff1dae59);
    expect(randomBits(0xffffffff, 0xffffffff, 0xffffffff)).toBe(0x2c3f628b);
    expect(randomBits(0x13198a2e, 0x85a308d3, 0x243f6a88)).toBe(0xdd7ce038);
  });

  test('are uniform in [0, 1)', () => {
    const drawn = Array.from({ length: 20_000 }, (_, i) => uniform(7, streamOf('test'), i));
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003);
  });

  test('make permutations that the seed and the epoch decide', () => {
    const order = permutation(1, streamOf('shuffle.0'), 1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(permutation(1, streamOf('shuffle.0'), 1000)).toEqual(order);
    expect(permutation(1, streamOf('shuffle.1'), 1000)).not.toEqual(order);
    expect(permutation(2, streamOf('shuffle.0'), 1000)).not.toEqual(order);
  });
});
