import { expect, test } from 'vitest';
import { newDocument } from '../../src/node/document.ts';
import { comparisonSvg } from '../../src/plot/comparison.ts';
import type { CurvePoint } from '../../src/plot/curves.ts';

const points = (...accuracies: readonly number[]): CurvePoint[] =>
  accuracies.flatMap((testAccuracy, i) => [
    { epoch: i + 1, trainLoss: 1 - testAccuracy },
    { epoch: i + 1, testAccuracy },
  ]);
const count = (svg: string, pattern: RegExp) => svg.match(pattern)?.length ?? 0;
const thin = /<g(?=[^>]* aria-label="line")(?=[^>]* stroke-opacity="0\.5")/g;
const bold = /<g(?=[^>]* aria-label="line")(?=[^>]* stroke-width="3")/g;

test('each run has a thin line, each configuration a bold one of the mean, in both panels', () => {
  const svg = comparisonSvg(
    newDocument(),
    [
      { label: 'average: 0.75', runs: [points(0.5, 0.7), points(0.6, 0.8)] },
      { label: 'a <b> & c', runs: [points(0.4, 0.7), points(0.4, 0.9), points(0.1, 0.2)] },
    ],
    2,
    'title',
  );
  expect(count(svg, thin)).toBe(2 * 5);
  expect(count(svg, bold)).toBe(2 * 2);
  expect(svg).toContain('■ average: 0.75');
  expect(svg).toContain('■ a &lt;b&gt; &amp; c');
  expect(svg).toMatch(/test accuracy.*train loss/s);
});

test('a mean ends where the first of its runs ends', () => {
  const runs = [points(0.5, 0.6), points(0.5, 0.6, 0.7)];
  const svg = comparisonSvg(newDocument(), [{ label: 'a', runs }], 3, 'title');
  expect(count(svg, /<circle[^>]*r="1\.8"/g)).toBe(5);
  expect(count(svg, /<circle[^>]*r="3\.5"/g)).toBe(2);
});

test('there is a plot even if no run has a point', () => {
  expect(comparisonSvg(newDocument(), [{ label: 'a', runs: [] }], 1, 'title')).toContain('■ a');
});

test('equal values have a readable scale', () => {
  const svg = comparisonSvg(newDocument(), [{ label: 'a', runs: [points(1 / 3, 1 / 3)] }], 2, 'title');
  expect(svg).toContain('>0.30</text>');
  expect(svg).not.toContain('0.3333');
});

test('a single run is its own mean, and validation accuracy is shown where there are validation images', () => {
  const svg = comparisonSvg(
    newDocument(),
    [
      {
        label: 'a',
        runs: [
          [
            { epoch: 1, validationAccuracy: 0.5 },
            { epoch: 1, testAccuracy: 0.1 },
          ],
        ],
      },
    ],
    1,
    'title',
  );
  expect(count(svg, thin)).toBe(0);
  expect(count(svg, /<circle[^>]*r="3\.5"/g)).toBe(1);
  expect(svg).toContain('validation accuracy');
});
