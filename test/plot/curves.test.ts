import { expect, test } from 'vitest';
import { newDocument } from '../../src/node/document.ts';
import { type CurvePoint, curvesSvg } from '../../src/plot/curves.ts';

const points = (rate: (epoch: number) => number): CurvePoint[] =>
  Array.from({ length: 10 }, (_, i) => ({
    epoch: (i + 1) / 5,
    trainLoss: 1 / (i + 1),
    trainAccuracy: i / 10,
    learningRate: rate((i + 1) / 5),
  }));
const lines = (svg: string) =>
  svg.match(/<path[^>]*stroke=/g)?.length ?? svg.match(/aria-label="line"/g)?.length;

test('a constant learning rate has no line, a changing one has, with its maximum in the legend', () => {
  const constant = curvesSvg(
    newDocument(),
    points(() => 0.1),
    2,
    'title',
  );
  expect(constant).not.toContain('learning rate');
  const falling = curvesSvg(
    newDocument(),
    points((epoch) => 0.25 / epoch),
    2,
    'title',
  );
  expect(falling).toContain('■ learning rate, at most 1.25');
  expect(lines(falling)).toBe(lines(constant)! + 1);
});

test('validation accuracy is there where there are validation images', () => {
  const plain = curvesSvg(newDocument(), [{ epoch: 1, testAccuracy: 0.5 }], 2, 'title');
  expect(plain).toContain('■ test accuracy 0.500');
  expect(plain).not.toContain('validation');
  expect(curvesSvg(newDocument(), [{ epoch: 1, validationAccuracy: 0.75 }], 2, 'title')).toContain(
    '■ validation accuracy 0.750',
  );
});
