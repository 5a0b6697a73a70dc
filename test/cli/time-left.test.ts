import { expect, test } from 'vitest';
import { timeLeft } from '../../src/cli/time-left.ts';

const run = (name: string, macs: number) => ({ name, macs, epochs: 2, trainImages: 100, testImages: 30 });

test('the time of future runs is estimated by the pace of their configuration, or by multiply-adds', () => {
  expect(timeLeft([run('a', 5)], new Map())).toBeUndefined();
  const paces = new Map([['a', { msPerImage: 3, macs: 5 }]]);
  // 2 epochs with 100 training images and 30 test images, which count as 10.
  expect(timeLeft([run('a', 5)], paces)).toBe(2 * 110 * 3);
  expect(timeLeft([run('a', 5), run('b', 10)], paces)).toBe(2 * 110 * (3 + 6));
  paces.set('b', { msPerImage: 7, macs: 10 });
  expect(timeLeft([run('a', 5), run('b', 10)], paces)).toBe(2 * 110 * (3 + 7));
  expect(timeLeft([], paces)).toBe(0);
});
