import { expect, test } from 'vitest';
import { pairedDifferences, type RunResult, spreadOf, summarize } from '../../src/train/compare.ts';

const runOf = (seed: number, testAccuracy: number): RunResult => ({
  kind: 'finished',
  ...{ seed, testAccuracy, folder: `${seed}`, epochs: 2, trainLoss: 0.5, trainAccuracy: 0.8 },
  ...{ bestTestAccuracy: 0.9, examplesPerSecond: 100, trainMs: 1000, engine: 'wasm', isa: 'simd128' },
  history: [],
});

test('a spread is mean and sample standard deviation; one value has none', () => {
  const spread = spreadOf([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(spread?.mean).toBe(5);
  expect(spread?.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
  expect(spreadOf([3, 3])).toEqual({ mean: 3, sd: 0 });
  expect(spreadOf([0.25])).toEqual({ mean: 0.25 });
  expect(spreadOf([])).toBeUndefined();
});

test('differences are between runs with the same seed, in any order', () => {
  const results = [
    summarize('average', [runOf(0, 0.8), runOf(1, 0.82), runOf(2, 0.87)]),
    summarize('max', [runOf(2, 0.86), runOf(0, 0.83), runOf(1, 0.84)]),
  ];
  const [difference, ...others] = pairedDifferences(results);
  expect(others).toEqual([]);
  expect(difference).toMatchObject({ of: 'max', minus: 'average' });
  expect(difference!.perSeed.map(({ seed }) => seed)).toEqual([2, 0, 1]);
  [-0.01, 0.03, 0.02].forEach((expected, i) => {
    expect(difference!.perSeed[i]!.difference).toBeCloseTo(expected, 12);
  });
  // 0.04 / 3; deviations −0.07/3, 0.05/3, 0.02/3: √(0.0078/9 / 2).
  expect(difference!.over.mean).toBeCloseTo(0.04 / 3, 12);
  expect(difference!.over.sd).toBeCloseTo(Math.sqrt(0.0078 / 18), 12);
  // Smaller than either configuration's own: what the seeds share has dropped out.
  expect(difference!.over.sd).toBeLessThan(results[0]!.over.testAccuracy!.sd!);
});

test('every configuration is compared with the first', () => {
  const one = (name: string, accuracy: number) => summarize(name, [runOf(7, accuracy)]);
  const differences = pairedDifferences([one('a', 0.5), one('b', 0.75), one('c', 0.25)]);
  expect(differences).toEqual([
    { of: 'b', minus: 'a', perSeed: [{ seed: 7, difference: 0.25 }], over: { mean: 0.25 } },
    { of: 'c', minus: 'a', perSeed: [{ seed: 7, difference: -0.25 }], over: { mean: -0.25 } },
  ]);
});

test('a diverged run is excluded from statistics and comparisons', () => {
  const diverged = (seed: number) => ({ kind: 'diverged', seed, folder: '', message: 'NaN' }) as const;
  const a = summarize('a', [runOf(0, 0.5), runOf(1, 0.75)]);
  const b = summarize('b', [diverged(0), runOf(1, 0.25)]);
  const c = summarize('c', [diverged(0), diverged(1)]);
  expect(b.over.testAccuracy).toEqual({ mean: 0.25 });
  expect(b.diverged.map(({ seed }) => seed)).toEqual([0]);
  expect(c.over.testAccuracy).toBeUndefined();
  expect(pairedDifferences([a, b, c])).toEqual([
    { of: 'b', minus: 'a', perSeed: [{ seed: 1, difference: -0.5 }], over: { mean: -0.5 } },
  ]);
});
