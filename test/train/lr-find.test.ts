import { expect, test } from 'vitest';
import { type RangePoint, steepest } from '../../src/train/lr-find.ts';

const points = (loss: (decade: number) => number): RangePoint[] =>
  Array.from({ length: 61 }, (_, i) => {
    const decade = -5 + i / 10;
    return { learningRate: 10 ** decade, loss: loss(decade), smoothedLoss: loss(decade) };
  });

test('the steepest fall is found, before the least loss and not in what comes after', () => {
  // A smooth step down around 10^-2, then an explosion, and a wilder fall behind it.
  const loss = (decade: number) =>
    decade > 0.5 ? 9 - 8 * decade : 2 - Math.tanh(2 * (decade + 2)) + (decade > 0 ? 5 : 0);
  const losses = points((decade) => Math.max(loss(decade), decade > 0.5 ? 1.5 : 0));
  expect(Math.log10(steepest(losses)!)).toBeCloseTo(-2, 6);
});

test('a loss that never falls suggests nothing', () => {
  expect(steepest(points((decade) => 3 + decade))).toBeUndefined();
  expect(steepest(points(() => 3))).toBeUndefined();
  expect(steepest([])).toBeUndefined();
});
