import { expect, test } from 'vitest';
import { closest, didYouMean } from '../../src/tensor/suggest.ts';

const NAMES = ['train', 'evaluate', 'export', 'densenet121', 'densenet169'];

test.each([
  ['trian', 'train'],
  ['TRAIN', 'train'],
  ['evalute', 'evaluate'],
  ['expo', 'export'],
  ['densenet-121', 'densenet121'],
  ['exp', 'export'],
  ['vgg', undefined],
  ['', undefined],
  ['train', undefined],
  ['x'.repeat(100_000), undefined],
])('%.20s may mean %s', (given, name) => {
  expect(closest(given, NAMES)).toBe(name);
  expect(didYouMean(given, NAMES)).toBe(name === undefined ? '' : ` (did you mean ${name}?)`);
});
