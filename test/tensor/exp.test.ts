import { expect, test } from 'vitest';
import { exp } from '../../src/tensor/exp.ts';

test('powers of e are exact to a unit in the last place, down to the smallest numbers', () => {
  for (let i = 0; i < 20_000; i++) {
    const x = -((i / 20_000) ** 3) * 760;
    const [found, wanted] = [exp(x), Math.exp(x)];
    expect(Math.abs(found - wanted), `${x}`).toBeLessThanOrEqual(wanted * 2.3e-16 + 5e-324);
  }
  expect([exp(0), exp(Number.NEGATIVE_INFINITY), exp(Number.NaN)]).toEqual([1, 0, Number.NaN]);
});
