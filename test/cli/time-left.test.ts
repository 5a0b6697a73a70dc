import { expect, test } from 'vitest';
import { timeLeft } from '../../src/cli/time-left.ts';

const run = (name: string, macs: number) => ({ name, macs, epochs: 2, trainImages: 100, testImages: 30 });

test('the time of runs to come goes by the pace of their configuration, or by multiplications', () => {
  expect(timeLeft([run('a', 5)], new Map())).toBeUndefined();
  const paces = new Map([['a', { msPerImage: 3, macs: 5 }]]);
  // 2 epochs of 100 images to train on, and of 30 to test, which are as much as 10.
  expect(timeLeft([run('a', 5)], paces)).toBe(2 * 110 * 3);
  expect(timeLeft([run('a', 5), run('b', 10)], paces)).toBe(2 * 110 * (3 + 6));
  paces.set('b', { msPerImage: 7, macs: 10 });
  expect(timeLeft([run('a', 5), run('b', 10)], paces)).toBe(2 * 110 * (3 + 7));
  expect(timeLeft([], paces)).toBe(0);
});
