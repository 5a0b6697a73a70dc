import * as Plot from '@observablehq/plot';
import { label } from '../tensor/printable.ts';
import { RANGE_TEST_TEXT } from './range-test-text.ts';
import { svgOf } from './svg.ts';

/** A step of a learning-rate range test. */
export interface RangeTestPoint {
  readonly learningRate: number;
  readonly loss: number;
  readonly smoothedLoss: number;
}

/** Maximum length of a title in characters. */
const LONGEST_TITLE = 90;
const SMOOTHED = '#1f77b4';
const SUGGESTED = '#2a8f3c';
/** The loss axis ends at this multiple of the first loss, because diverging losses would compress the rest. */
const HIGHEST = 2;

/**
 * Plots batch losses and smoothed losses by learning rate (logarithmic), with a line at the suggestion. @returns
 * SVG text.
 */
export function rangeTestSvg(
  document: Document,
  points: readonly RangeTestPoint[],
  suggestion: number | undefined,
  title: string,
): string {
  const top = HIGHEST * points[0]!.smoothedLoss;
  const shown = points.map((point) => ({ ...point, smoothedLoss: Math.min(point.smoothedLoss, top) }));
  const legend = [
    { text: '● loss of a batch, ━ smoothed', fill: SMOOTHED },
    ...(suggestion === undefined
      ? []
      : [{ text: `┃ suggested ${suggestion.toPrecision(2)}`, fill: SUGGESTED }]),
  ];
  const plot = Plot.plot({
    document,
    width: 760,
    height: 484,
    marginLeft: 50,
    marginRight: 20,
    marginTop: 80,
    marginBottom: 44,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: {
      label: 'learning rate (logarithmic) →',
      type: 'log',
      grid: true,
      tickFormat: (rate: number) => `${rate}`,
    },
    y: { label: null, domain: [0, top], grid: true },
    marks: [
      ...(suggestion === undefined ? [] : [Plot.ruleX([suggestion], { stroke: SUGGESTED, strokeWidth: 2 })]),
      Plot.dot(
        points.filter(({ loss }) => loss <= top),
        { x: 'learningRate', y: 'loss', fill: SMOOTHED, fillOpacity: 0.4, r: 2 },
      ),
      Plot.line(shown, { x: 'learningRate', y: 'smoothedLoss', stroke: SMOOTHED, strokeWidth: 2 }),
      Plot.text([label(title, LONGEST_TITLE)], {
        frameAnchor: 'top-left',
        dy: -72,
        dx: -40,
        fontSize: 15,
        fontWeight: 'bold',
      }),
      Plot.text([RANGE_TEST_TEXT], { frameAnchor: 'top-left', dy: -50, dx: -40, fontSize: 11.5 }),
      ...legend.map(({ text, fill }, i) =>
        Plot.text([text], { frameAnchor: 'top-left', dx: -40 + i * 260, dy: -30, fill, fontSize: 13 }),
      ),
    ],
  });
  return svgOf(plot);
}
